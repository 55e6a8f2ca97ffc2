import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';

/** One answered prediction. */
export interface Prediction {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  /** Probability of true, or the predicted value. */
  readonly score: number;
  /** The instant its features are as of, epoch ms. */
  readonly at: number;
  /** Age of its data by tier, ms. */
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
  /** Features without an answer. */
  readonly missing: number;
}

/** The table of a model's predictions. */
export function predictionTable(model: ModelData): OfflineTable {
  return {
    name: `predictions/${model.name}`,
    columns: {
      id: 'STRING',
      at: 'BIGINT',
      version: 'BIGINT',
      score: 'DOUBLE',
      streaming_age: 'BIGINT',
      batch_age: 'BIGINT',
      missing: 'BIGINT',
    },
  };
}

/** Predictions on their way to their table. */
export interface PredictionAppend extends TableAppend {
  readonly columns: OfflineValue[][];
}

/**
 * Every prediction, in memory until it is published. What is answered between two publishes is lost with the process if
 * it is killed; a clean stop publishes everything, and
 * what could not be published stays.
 */
export class PredictionLog {
  readonly #table: OfflineTable;
  #columns: OfflineValue[][];

  constructor(model: ModelData) {
    this.#table = predictionTable(model);
    this.#columns = this.#empty();
  }

  get waiting(): number {
    return this.#columns[0].length;
  }

  add({ id, at, version, score, ages, missing }: Prediction): void {
    const row: readonly OfflineValue[] = [id, at, version, score, whole(ages.streaming), whole(ages.batch), missing];
    for (let i = 0; i < row.length; i += 1) this.#columns[i].push(row[i]);
  }

  /** Takes everything that waits. If it cannot be published, give it back. */
  drain(): PredictionAppend {
    const append = { table: this.#table, rows: this.waiting, columns: this.#columns };
    this.#columns = this.#empty();
    return append;
  }

  /** Takes back what was drained and not published. */
  takeBack({ columns }: PredictionAppend): void {
    this.#columns = columns.map((column, i) => column.concat(this.#columns[i]));
  }

  #empty(): OfflineValue[][] {
    return Object.keys(this.#table.columns).map(() => []);
  }
}

function whole(age: number | null): number | null {
  return age === null || !Number.isFinite(age) ? null : Math.round(age);
}
