import { fail } from '../../base/errors/fail.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import type { Value } from '../../schema/column.ts';
import type { FeatureRow } from './feature-row.ts';

/** Rows from which on waiting calls go into the next run. */
const ROWS_A_RUN = 512;

/** Rows that may wait. */
const MOST_WAITING = 16_384;

/** Scores of a call, and the rows that the model was fed for them, one after the other. */
export interface Scored {
  readonly scores: Float32Array;
  readonly rows: Float32Array;
}

interface Call {
  readonly vectors: readonly (readonly Value[])[];
  readonly resolve: (scored: Scored) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One loaded version, and the calls that wait for it. Calls of one turn of the event loop, and those that come while a
 * run is under way, are scored in one run: no call waits for another to arrive, so an idle server adds no delay.
 */
export class ScoreQueue {
  readonly version: ModelVersion;
  readonly #loaded: Scorer;
  readonly #toRow: FeatureRow;
  readonly #width: number;
  #calls: Call[] = [];
  #rows = 0;
  #draining: Promise<void> | null = null;

  constructor(version: ModelVersion, loaded: Scorer, toRow: FeatureRow) {
    this.version = version;
    this.#loaded = loaded;
    this.#toRow = toRow;
    this.#width = version.signature.features.length;
  }

  /** Scores vectors, all in one run. Errors: MODEL_BUSY, MODEL_SCORE, MODEL_FILE. */
  score(vectors: readonly (readonly Value[])[]): Promise<Scored> {
    if (vectors.length === 0) return Promise.resolve({ scores: new Float32Array(0), rows: new Float32Array(0) });
    if (this.#rows >= MOST_WAITING) throw fail('MODEL_BUSY', { model: this.version.model, waiting: this.#rows });
    const scores = new Promise<Scored>((resolve, reject) => {
      this.#calls.push({ vectors, resolve, reject });
    });
    this.#rows += vectors.length;
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
    while (this.#calls.length > 0) await this.#run(this.#next());
    this.#draining = null;
  }

  /** The calls of the next run: whole calls, in order, until the rows are enough. */
  #next(): readonly Call[] {
    let rows = 0;
    let end = 0;
    while (end < this.#calls.length && rows < ROWS_A_RUN) {
      rows += this.#calls[end].vectors.length;
      end += 1;
    }
    this.#rows -= rows;
    return this.#calls.splice(0, end);
  }

  async #run(calls: readonly Call[]): Promise<void> {
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
      const scores = await this.#loaded.run(rows, count);
      this.#settle(calls, { scores, rows });
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  /** Gives each call its scores; one that got a score that is no number fails alone. */
  #settle(calls: readonly Call[], { scores, rows }: Scored): void {
    const { model, version } = this.version;
    let from = 0;
    for (const { vectors, resolve, reject } of calls) {
      const to = from + vectors.length;
      const own = scores.slice(from, to);
      const fed = rows.subarray(from * this.#width, to * this.#width);
      from = to;
      const row = own.findIndex((score) => !Number.isFinite(score));
      if (row < 0) resolve({ scores: own, rows: fed });
      else reject(fail('MODEL_SCORE', { model, version, score: own[row], row }));
    }
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
