import { fnv1a32 } from '../../base/hash/fnv.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';

/**
 * The table of a model's inputs: `_id` (of the prediction), `_at` (the instant of its vector), the `version` that
 * scored it, the names of its inputs, and their numbers as the float32 that went in, NaN where one was missing.
 */
export function fedTable({ name }: Pick<ModelData, 'name'>): OfflineTable {
  return {
    name: `fed/${name}`,
    columns: { _id: 'STRING', _at: 'BIGINT', version: 'BIGINT', names: 'LIST<STRING>', inputs: 'LIST<DOUBLE>' },
  };
}

/** One row that a model scored. */
export interface FedRow {
  readonly id: string;
  readonly at: number;
  readonly version: number;
  readonly names: readonly string[];
  readonly inputs: Float32Array;
}

/** Collects what a model was fed for the sample of predictions whose vectors are logged, until it is published. */
export class FedLog {
  readonly #table: OfflineTable;
  readonly #threshold: number;
  #columns: OfflineValue[][];

  constructor(model: ModelData, sampleRate: number) {
    this.#table = fedTable(model);
    this.#threshold = sampleRate * 2 ** 32;
    this.#columns = this.#empty();
  }

  /** Logs a row if its prediction is of the sample: the same ids as {@link ServedLog.wants}. Hot path. */
  add({ id, at, version, names, inputs }: FedRow): void {
    if (fnv1a32(id) >= this.#threshold) return;
    const row: readonly OfflineValue[] = [id, at, version, names, [...inputs]];
    for (let i = 0; i < row.length; i += 1) this.#columns[i].push(row[i]);
  }

  /** The rows logged since the last drain. */
  drain(): TableAppend {
    const columns = this.#columns;
    this.#columns = this.#empty();
    return { table: this.#table, rows: columns[0].length, columns };
  }

  #empty(): OfflineValue[][] {
    return Object.keys(this.#table.columns).map(() => []);
  }
}
