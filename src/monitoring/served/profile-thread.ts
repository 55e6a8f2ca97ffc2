import { Worker } from 'node:worker_threads';
import type { DrainedRows, ProfileSlotsOptions, ServiceBins } from './profile-slots.ts';
import type { VectorBatch } from './vector-batch.ts';

/** Its new objects are small: without a bound V8 lets them have as much as those of the thread that serves. */
const YOUNG_MB = 8;

/** To the thread. */
export type ToProfiles =
  | { readonly kind: 'bins'; readonly service: string; readonly bins: ServiceBins }
  | { readonly kind: 'batch'; readonly place: number; readonly batch: VectorBatch; readonly now: number }
  | { readonly kind: 'drain'; readonly everything: boolean; readonly now: number };

/** From the thread; drains are answered in their order. */
export type FromProfiles = { readonly kind: 'taken' } | ({ readonly kind: 'rows' } & DrainedRows);

/** Batches that wait for the thread at most; further ones are not profiled. */
const MOST_WAITING = 256;

/** Profiles apart from the answers: the loop that answers fills buffers and hands them over. */
export class ProfileThread {
  readonly #worker: Worker;
  readonly #drains: { resolve(rows: DrainedRows): void; reject(error: unknown): void }[] = [];
  #waiting = 0;

  constructor(options: ProfileSlotsOptions, failed: (error: unknown) => void) {
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./profile-worker${ending}`, import.meta.url), {
      workerData: options,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    // The thread alone keeps no process alive.
    this.#worker.unref();
    this.#worker.on('message', (message: FromProfiles) => {
      if (message.kind === 'taken') this.#waiting -= 1;
      else this.#drains.shift()?.resolve(message);
    });
    this.#worker.once('error', (error) => {
      failed(error);
      for (const { reject } of this.#drains.splice(0)) reject(error);
    });
  }

  setBins(service: string, bins: ServiceBins): void {
    this.#send({ kind: 'bins', service, bins }, []);
  }

  /** Takes a batch, whose memory is then the thread's; false: too many wait, and nobody takes it. */
  add(place: number, batch: VectorBatch, now: number): boolean {
    if (this.#waiting >= MOST_WAITING) return false;
    this.#waiting += 1;
    this.#send({ kind: 'batch', place, batch, now }, [batch.numbers.buffer as ArrayBuffer]);
    return true;
  }

  drain(everything: boolean, now: number): Promise<DrainedRows> {
    // A drain that waits keeps the process alive until its rows are here.
    this.#worker.ref();
    const rows = new Promise<DrainedRows>((resolve, reject) => this.#drains.push({ resolve, reject }));
    this.#send({ kind: 'drain', everything, now }, []);
    return rows.finally(() => {
      if (this.#drains.length === 0) this.#worker.unref();
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(message: ToProfiles, moved: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(message, moved);
  }
}
