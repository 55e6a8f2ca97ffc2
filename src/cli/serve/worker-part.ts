import type { TableAppend } from '../../ports/offline-store.ts';
import type { Member } from '../../server/workers/group.ts';

/** The part of one process of a group: given by the process that starts it. */
export interface WorkerPart {
  readonly name: string;
  readonly role: 'writer' | 'reader';
  /** The processes of the group; this one answers the others on its own socket. */
  readonly members: readonly Member[];
  /** Where requests for the writer go; null: there is none. */
  readonly writer: string | null;
  /** Where readers hand their predictions to the writer; null: there is none. */
  readonly predictions: string | null;
  /** That of the readers. */
  readonly port: number;
  /** That of gRPC; null: it is not served. */
  readonly grpcPort: number | null;
  /** How often each process was started again, by name. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** From a worker to the process that started it. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly url: string }
  /** For the writer. */
  | Served;

/** Vectors that a reader logged, and rows of its profiles. */
export interface Served {
  readonly kind: 'served';
  readonly tables: readonly TableAppend[];
  readonly profiles: readonly Uint8Array[];
}

/** To a worker. */
export type ToWorker =
  | { readonly kind: 'stop' }
  | { readonly kind: 'restarts'; readonly restarts: Readonly<Record<string, number>> }
  | Served
  /** There is no writer now: the message that was sent to it. */
  | (Omit<Served, 'kind'> & { readonly kind: 'returned' });

/** The variable of a worker's environment that has its part. */
export const PART_VARIABLE = 'HEADRACE_WORKER';

/** The part of this process; null where it is no worker. */
export function workerPart(): WorkerPart | null {
  const text = process.env[PART_VARIABLE];
  return text === undefined || process.send === undefined ? null : (JSON.parse(text) as WorkerPart);
}

/** Messages between the ends of a group: both are of one program. */
export function parseMessage<M extends FromWorker | ToWorker>(message: unknown): M | null {
  return typeof message === 'object' && message !== null && 'kind' in message ? (message as M) : null;
}
