import { fail } from '../../base/errors/fail.ts';
import { type FedNumbers, fedNumbers, type ModelRows, newRows, rowsBetween } from '../../model/model-rows.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import type { Value } from '../../schema/column.ts';
import { FairQueue, type Waiting } from '../../versions/queue/fair-queue.ts';
import type { QueueLimits } from '../../versions/queue/infer-queue.ts';
import type { FeatureRow } from './feature-row.ts';
import type { ScoreCaller } from './score-caller.ts';
import { watchCaller } from './within-deadline.ts';

/** Rows from which on waiting calls go into the next run. */
export const ROWS_A_RUN = 512;

/** Rows that may wait, and rows of one tenant. */
const USUAL_LIMITS: QueueLimits = { mostRows: 16_384, mostRowsOfTenant: 8_192, weights: {} };

export interface ScoreQueueOptions {
  /** Rows that one run may take; a call of more is scored in several. */
  readonly rowsARun?: number;
  readonly limits?: QueueLimits | undefined;
}

/** Scores of a call, and what the model was fed for them. */
export interface Scored {
  readonly scores: Float64Array;
  readonly fed: (row: number) => FedNumbers;
}

interface Call extends Waiting {
  readonly vectors: readonly (readonly Value[])[];
  /** Until when its caller waits (`performance.now()`). */
  readonly deadline: number;
  readonly resolve: (scored: Scored) => void;
  readonly reject: (error: unknown) => void;
  /** Ends what watches the caller; false: the call has its outcome already. */
  settle(): boolean;
  /** Whether nobody waits for its scores. */
  readonly isOver: boolean;
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
    this.#rowsARun = rowsARun;
    this.#limits = limits;
    this.#calls = new FairQueue(
      (tenant) => limits.weights[tenant] ?? 1,
      () => rowsARun,
    );
  }

  /**
   * Scores vectors. A call that expires or whose caller leaves before its run leaves the queue at once, and never runs; one whose run ends
   * too late fails too. Errors: MODEL_BUSY, MODEL_CELL, MODEL_DEADLINE, MODEL_LEFT, MODEL_SCORE, MODEL_FILE.
   */
  score(vectors: readonly (readonly Value[])[], caller: ScoreCaller = {}): Promise<Scored> {
    if (vectors.length === 0)
      return Promise.resolve({ scores: new Float64Array(0), fed: () => ({ types: null, numbers: [] }) });
    this.#mustHaveRoom(caller.tenant ?? '');
    if (caller.signal?.aborted === true) throw fail('MODEL_LEFT', { model: this.version.model });
    const scores = new Promise<Scored>((resolve, reject) => {
      this.#calls.add(this.#callOf(vectors, caller, resolve, reject));
    });
    this.#draining ??= this.#drain();
    return scores;
  }

  #callOf(
    vectors: Call['vectors'],
    { deadline = Number.POSITIVE_INFINITY, tenant = '', signal }: ScoreCaller,
    resolve: Call['resolve'],
    reject: Call['reject'],
  ): Call {
    let isOver = false;
    const call: Call = {
      tenant,
      priority: 1,
      rows: vectors.length,
      vectors,
      deadline,
      resolve,
      reject,
      settle: () => {
        if (isOver) return false;
        isOver = true;
        stop();
        return true;
      },
      get isOver() {
        return isOver;
      },
    };
    const stop = watchCaller({ model: this.version.model, deadline, signal }, (error) => {
      if (!call.settle()) return;
      this.#calls.remove(call);
      reject(error);
    });
    return call;
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
    for (const call of late) if (call.settle()) call.reject(fail('MODEL_DEADLINE', { model: this.version.model }));
    return late.length === 0 ? calls : calls.filter(({ deadline }) => deadline > now);
  }

  async #run(waiting: readonly Call[]): Promise<void> {
    const { calls, rows } = this.#written(this.#inTime(waiting));
    if (calls.length === 0) return;
    try {
      this.#settle(calls, rows, await this.#scores(rows, calls));
    } catch (error) {
      for (const call of calls) if (call.settle()) call.reject(error);
    }
  }

  /** The rows of calls. A call with a row that does not fit the model fails alone. */
  #written(waiting: readonly Call[]): { readonly calls: readonly Call[]; readonly rows: ModelRows } {
    const { inputs } = this.#loaded;
    const all = newRows(inputs, rowsOf(waiting));
    let at = 0;
    const calls = waiting.filter((call) => {
      try {
        call.vectors.forEach((vector, i) => {
          this.#toRow(vector, all, at + i);
        });
        at += call.rows;
        return true;
      } catch (error) {
        if (call.settle()) call.reject(error);
        return false;
      }
    });
    return { calls, rows: at === all.rows ? all : rowsBetween(inputs, all, 0, at) };
  }

  /** Scores rows, in pieces that others can go between. A piece that nobody waits for does not run. */
  async #scores(rows: ModelRows, calls: readonly Call[]): Promise<Float64Array> {
    const most = this.#rowsARun;
    const count = rows.rows;
    if (count <= most) return this.#loaded.run(rows);
    const scores = new Float64Array(count);
    for (let from = 0; from < count; from += most) {
      const to = Math.min(count, from + most);
      if (isWaitedFor(calls, from, to))
        scores.set(await this.#loaded.run(rowsBetween(this.#loaded.inputs, rows, from, to)), from);
    }
    return scores;
  }

  /** Gives each call its scores; one that got a score that is no number fails alone, and so does one that waits no longer. */
  #settle(calls: readonly Call[], rows: ModelRows, scores: Float64Array): void {
    const { model, version } = this.version;
    const now = performance.now();
    let next = 0;
    for (const { rows: count, deadline, resolve, reject, settle } of calls) {
      const from = next;
      next += count;
      const own = scores.slice(from, next);
      if (!settle()) continue;
      const row = own.findIndex((score) => !Number.isFinite(score));
      if (deadline <= now) reject(fail('MODEL_DEADLINE', { model }));
      else if (row < 0) resolve({ scores: own, fed: (i) => fedNumbers(this.#loaded.inputs, rows, from + i) });
      else reject(fail('MODEL_SCORE', { model, version, score: own[row], row }));
    }
  }
}

function rowsOf(calls: readonly Call[]): number {
  return calls.reduce((sum, { rows }) => sum + rows, 0);
}

/** Whether somebody waits for a score of these rows of the calls together. */
function isWaitedFor(calls: readonly Call[], from: number, to: number): boolean {
  let at = 0;
  return calls.some(({ rows, isOver }) => {
    const start = at;
    at += rows;
    return !isOver && start < to && at > from;
  });
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
