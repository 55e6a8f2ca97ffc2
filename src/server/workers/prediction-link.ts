import { connect, type Socket } from 'node:net';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { isFull, type QueueReport } from '../../observe/queue-report.ts';
import type { NewPrediction } from '../../serving/online/prediction.ts';
import type { PredictionSink } from '../../serving/online/prediction-sink.ts';
import { readFrames, writeFrame } from './frames.ts';
import { type FromWriter, type PredictionBatch, type ToWriter, undescribed } from './prediction-messages.ts';

export interface PredictionLinkOptions {
  /** Where the process that writes listens. */
  readonly path: string;
  /** The most bytes of predictions that wait for their acknowledgement. */
  readonly mostBytes: number;
  /** Follows a change of a rollout or a champion. */
  readonly follow: () => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

/** An append without an answer after this has failed, ms: the process that writes hangs. */
const ANSWER_WITHIN_MS = 30_000;

/** Bytes of a prediction besides its id, about. */
const PREDICTION_BYTES = 200;

interface Waiting {
  readonly batch: PredictionBatch;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Predictions that were sent and are not acknowledged. */
interface Sent {
  readonly waiting: readonly Waiting[];
  readonly timer: NodeJS.Timeout;
}

type State =
  | { readonly kind: 'apart' }
  | { readonly kind: 'joining'; readonly joined: Promise<Socket> }
  | { readonly kind: 'joined'; readonly socket: Socket }
  | { readonly kind: 'closed' };

/**
 * The way of a process to the log of the one that writes. Predictions of one turn travel together. One whose acknowledgement does
 * not come fails (SERVER_WRITER) and is never sent twice: it may be in the log, once.
 */
export class PredictionLink implements PredictionSink {
  readonly #options: PredictionLinkOptions;
  readonly #sent = new Map<number, Sent>();
  #state: State = { kind: 'apart' };
  #turn: Waiting[] = [];
  #last = 0;
  /** Predictions without an acknowledgement, and their bytes, estimated. */
  #rows = 0;
  #bytes = 0;
  /** Predictions that were refused because too many waited. */
  #refused = 0;

  constructor(options: PredictionLinkOptions) {
    this.#options = options;
  }

  /** Errors: SERVER_WRITER, also where too many predictions wait for their acknowledgement; those of the log. */
  async append(model: string, predictions: readonly NewPrediction[]): Promise<void> {
    const bytes = predictions.reduce((sum, { id }) => sum + PREDICTION_BYTES + id.length, 0);
    if (isFull({ bytes: this.#bytes, mostBytes: this.#options.mostBytes })) {
      this.#refused += predictions.length;
      throw fail('SERVER_WRITER', { reason: `${this.#rows} predictions wait for its answer` });
    }
    this.#bytes += bytes;
    this.#rows += predictions.length;
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#turn.length === 0) queueMicrotask(() => void this.#flush());
        this.#turn.push({ batch: { model, predictions }, resolve, reject });
      });
    } finally {
      this.#bytes -= bytes;
      this.#rows -= predictions.length;
    }
  }

  /** The predictions that wait for their acknowledgement. */
  queue(): QueueReport {
    return {
      name: 'predictions to the writer',
      rows: this.#rows,
      bytes: this.#bytes,
      mostBytes: this.#options.mostBytes,
      turnedAway: this.#refused,
      whenFull: 'predictions get SERVER_WRITER',
    };
  }

  /** Joins the process that writes where that is not so; follows changes from then on. Never throws: it may be about to start. */
  async join(): Promise<void> {
    if (this.#state.kind === 'apart') await this.#socket().catch(() => undefined);
  }

  /** Ends the connection; predictions that are not acknowledged fail. */
  close(): void {
    const { socket } = this.#state.kind === 'joined' ? this.#state : { socket: null };
    this.#state = { kind: 'closed' };
    socket?.destroy();
    this.#failAll('the process stops');
  }

  async #flush(): Promise<void> {
    const waiting = this.#turn;
    this.#turn = [];
    try {
      const socket = await this.#socket();
      this.#last += 1;
      const id = this.#last;
      const timer = setTimeout(() => this.#fail(id, 'it took too long'), ANSWER_WITHIN_MS);
      this.#sent.set(id, { waiting, timer });
      send(socket, { kind: 'append', id, batches: waiting.map(({ batch }) => batch) });
    } catch (error) {
      const refused = fail('SERVER_WRITER', { reason: reasonOf(error) }, error);
      for (const { reject } of waiting) reject(refused);
    }
  }

  /** The connection; it is made where there is none. Errors: those of the system. */
  #socket(): Promise<Socket> {
    const state = this.#state;
    switch (state.kind) {
      case 'closed':
        return Promise.reject(new Error('the process stops'));
      case 'joined':
        return Promise.resolve(state.socket);
      case 'joining':
        return state.joined;
      case 'apart': {
        const joined = this.#joining();
        this.#state = { kind: 'joining', joined };
        return joined;
      }
      default:
        return state satisfies never;
    }
  }

  #joining(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#options.path);
      socket.once('connect', () => {
        if (this.#state.kind === 'closed') {
          socket.destroy();
          return;
        }
        this.#state = { kind: 'joined', socket };
        resolve(socket);
        // Changes while there was no connection.
        this.#options.follow().catch(this.#options.onFault);
      });
      socket.on('error', reject);
      socket.once('close', () => {
        if (this.#state.kind !== 'closed') this.#state = { kind: 'apart' };
        reject(new Error('it has closed the connection'));
        this.#failAll('it has closed the connection');
      });
      readFrames(socket, (value) => this.#take(socket, value as FromWriter));
    });
  }

  #take(socket: Socket, message: FromWriter): void {
    if (message.kind === 'follow') {
      const { id } = message;
      this.#options
        .follow()
        .catch(this.#options.onFault)
        .finally(() => send(socket, { kind: 'followed', id }));
      return;
    }
    const waiting = this.#settled(message.id);
    waiting.forEach(({ resolve, reject }, i) => {
      const error = message.outcomes[i];
      if (error === null) resolve();
      else reject(undescribed(error));
    });
  }

  #failAll(reason: string): void {
    for (const id of [...this.#sent.keys()]) this.#fail(id, reason);
  }

  #fail(id: number, reason: string): void {
    const error = fail('SERVER_WRITER', { reason });
    for (const { reject } of this.#settled(id)) reject(error);
  }

  /** Those that were sent together and are not settled yet. */
  #settled(id: number): readonly Waiting[] {
    const sent = this.#sent.get(id);
    this.#sent.delete(id);
    clearTimeout(sent?.timer);
    return sent?.waiting ?? [];
  }
}

function send(socket: Socket, message: ToWriter): void {
  if (socket.writable) writeFrame(socket, message);
}
