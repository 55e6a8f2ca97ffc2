import { fnv1a32 } from '../../base/hash/fnv.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { FedNumbers } from '../../model/model-rows.ts';
import type { OfflineTable, TableAppend } from '../../ports/offline-store.ts';
import { SampledRows, type SampleRoom } from './sampled-rows.ts';

/**
 * The table of a model's inputs: `_id` (of the prediction), `_at` (the instant of its vector), the `version` that
 * scored it, the names of its inputs, and their numbers as they went in, each as the nearest double, NaN where one was missing. `types`
 * are those of the tensors; null: all are FP32.
 */
export function fedTable({ name }: Pick<ModelData, 'name'>): OfflineTable {
  return {
    name: `fed/${name}`,
    columns: {
      _id: 'STRING',
      _at: 'BIGINT',
      version: 'BIGINT',
      names: 'LIST<STRING>',
      inputs: 'LIST<DOUBLE>',
      types: 'LIST<STRING>',
    },
  };
}

/** One row that a model scored. */
export interface FedRow {
  readonly id: string;
  readonly at: number;
  readonly version: number;
  readonly names: readonly string[];
  /** Called for a row of the sample alone. */
  readonly fed: () => FedNumbers;
}

/** Collects what a model was fed for the sample of predictions whose vectors are logged, until it is published. */
export class FedLog {
  readonly #rows: SampledRows;
  readonly #threshold: number;

  constructor(model: ModelData, sampleRate: number, room: SampleRoom) {
    this.#rows = new SampledRows(fedTable(model), room);
    this.#threshold = sampleRate * 2 ** 32;
  }

  /** Logs a row if its prediction is of the sample: the same ids as {@link ServedLog.wants}. Hot path. */
  add({ id, at, version, names, fed }: FedRow): void {
    if (fnv1a32(id) >= this.#threshold) return;
    const { types, numbers } = fed();
    this.#rows.add([id, at, version, names, numbers.map(Number), types]);
  }

  /** The rows logged since the last drain. */
  drain(): TableAppend {
    return this.#rows.drain();
  }
}
