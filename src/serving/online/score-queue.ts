import { fail } from '../../base/errors/fail.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import type { Value } from '../../schema/column.ts';
import { FairQueue, type Waiting } from '../runtime/fair-queue.ts';
import type { QueueLimits } from '../runtime/infer-queue.ts';
import type { FeatureRow } from './feature-row.ts';

/** Rows from which on waiting calls go into the next run. */
export const ROWS_A_RUN = 512;

/** Rows that may wait, and rows of one tenant. */
const USUAL_LIMITS: QueueLimits = { mostRows: 16_384, mostRowsOfTenant: 8_192, weights: {} };

export interface ScoreQueueOptions {
  /** Rows that one run may take; a call of more is scored in several. */
  readonly rowsARun?: number;
  readonly limits?: QueueLimits | undefined;
}

/** Scores of a call, and the rows that the model was fed for them, one after the other. */
export interface Scored {
  readonly scores: Float32Array;
  readonly rows: Float32Array;
}

interface Call extends Waiting {
  readonly vectors: readonly (readonly Value[])[];
  /** Until when its caller waits (`performance.now()`). */
  readonly deadline: number;
  readonly resolve: (scored: Scored) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One loaded version, and the calls that wait for it. Calls of one turn of the event loop, and those that come while a
 * run is under way, are scored in one run: no call waits for another to arrive, so an idle server adds no delay. Tenants take turns
 * by rows.
 */
export class ScoreQueue {
  readonly version: ModelVersion;
  readonly #loaded: Scorer;
  readonly #toRow: FeatureRow;
  readonly #width: number;
  readonly #rowsARun: number;
  readonly #limits: QueueLimits;
  readonly #calls: FairQueue<Call>;
  #draining: Promise<void> | null = null;

  constructor(
    version: ModelVersion,
    loaded: Scorer,
    toRow: FeatureRow,
    { rowsARun = ROWS_A_RUN, limits = USUAL_LIMITS }: ScoreQueueOptions = {},
  ) {
    this.version = version;
    this.#loaded = loaded;
    this.#toRow = toRow;
    this.#width = version.signature.features.length;
    this.#rowsARun = rowsARun;
    this.#limits = limits;
    this.#calls = new FairQueue(
      (tenant) => limits.weights[tenant] ?? 1,
      () => rowsARun,
    );
  }

  /**
   * Scores vectors. A call that has expired before its run never runs; one whose run ends too late fails too. `tenant` is the id of the
   * caller's key; empty: it has none. Errors: MODEL_BUSY, MODEL_DEADLINE, MODEL_SCORE, MODEL_FILE.
   */
  score(vectors: readonly (readonly Value[])[], deadline = Number.POSITIVE_INFINITY, tenant = ''): Promise<Scored> {
    if (vectors.length === 0) return Promise.resolve({ scores: new Float32Array(0), rows: new Float32Array(0) });
    this.#mustHaveRoom(tenant);
    const scores = new Promise<Scored>((resolve, reject) => {
      this.#calls.add({ tenant, priority: 1, rows: vectors.length, vectors, deadline, resolve, reject });
    });
    this.#draining ??= this.#drain();
    return scores;
  }

  /** Frees the model once every call that waits has its scores. */
  async close(): Promise<void> {
    await this.#draining;
    await this.#loaded.close();
  }

  async #drain(): Promise<void> {
    await endOfTurn();
    while (this.#calls.size > 0) await this.#run(this.#next());
    this.#draining = null;
  }

  /** The calls of the next run: whole calls, in turns, until the rows are enough. */
  #next(): readonly Call[] {
    let rows = 0;
    const calls: Call[] = [];
    for (;;) {
      const call = this.#calls.take(() => rows < this.#rowsARun);
      if (call === null) return calls;
      rows += call.rows;
      calls.push(call);
    }
  }

  #mustHaveRoom(tenant: string): void {
    const { mostRows, mostRowsOfTenant } = this.#limits;
    const { model } = this.version;
    if (this.#calls.rows >= mostRows) throw fail('MODEL_BUSY', { model, waiting: this.#calls.rows });
    const own = this.#calls.rowsOf(tenant);
    if (own >= mostRowsOfTenant) throw fail('MODEL_BUSY', { model, waiting: own });
  }

  /** The calls whose callers still wait; the others fail. */
  #inTime(calls: readonly Call[]): readonly Call[] {
    const now = performance.now();
    const late = calls.filter(({ deadline }) => deadline <= now);
    for (const { reject } of late) reject(fail('MODEL_DEADLINE', { model: this.version.model }));
    return late.length === 0 ? calls : calls.filter(({ deadline }) => deadline > now);
  }

  async #run(waiting: readonly Call[]): Promise<void> {
    const calls = this.#inTime(waiting);
    if (calls.length === 0) return;
    try {
      const count = calls.reduce((sum, { vectors }) => sum + vectors.length, 0);
      const rows = new Float32Array(count * this.#width);
      let at = 0;
      for (const { vectors } of calls) {
        for (const vector of vectors) {
          this.#toRow(vector, rows, at);
          at += this.#width;
        }
      }
      this.#settle(calls, await this.#scored(rows, count));
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  /** Scores rows, in pieces that others can go between. */
  async #scored(rows: Float32Array<ArrayBuffer>, count: number): Promise<Scored> {
    const most = this.#rowsARun;
    if (count <= most) return { scores: await this.#loaded.run(rows, count), rows };
    const scores = new Float32Array(count);
    for (let from = 0; from < count; from += most) {
      const to = Math.min(count, from + most);
      scores.set(await this.#loaded.run(rows.slice(from * this.#width, to * this.#width), to - from), from);
    }
    return { scores, rows };
  }

  /** Gives each call its scores; one that got a score that is no number fails alone, and so does one that waits no longer. */
  #settle(calls: readonly Call[], { scores, rows }: Scored): void {
    const { model, version } = this.version;
    const now = performance.now();
    let from = 0;
    for (const { vectors, deadline, resolve, reject } of calls) {
      const to = from + vectors.length;
      const own = scores.slice(from, to);
      const fed = rows.subarray(from * this.#width, to * this.#width);
      from = to;
      const row = own.findIndex((score) => !Number.isFinite(score));
      if (deadline <= now) reject(fail('MODEL_DEADLINE', { model }));
      else if (row < 0) resolve({ scores: own, rows: fed });
      else reject(fail('MODEL_SCORE', { model, version, score: own[row], row }));
    }
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
