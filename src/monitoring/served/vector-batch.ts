import { decimalDouble } from '../../model/cell-number.ts';
import type { ProfiledVector } from '../../ports/vector-profiles.ts';
import type { Value } from '../../schema/column.ts';
import type { ProfiledService } from './profiled-service.ts';

/**
 * Served vectors on their way into profiles, row by row: `numbers` has the instant and then the numbers of each vector, NaN for a
 * missing one; `texts` has the texts of each, null for a missing one.
 */
export interface VectorBatch {
  count: number;
  readonly numbers: Float64Array;
  readonly texts: (string | null)[];
}

/** Numbers of a batch at most: sketching one then takes well below a millisecond. */
const MOST_VALUES = 8_192;
const MOST_VECTORS = 512;
const LEAST_VECTORS = 16;

/** Vectors that a batch of a service holds. */
export function batchSize({ numbers, texts }: ProfiledService): number {
  return Math.min(MOST_VECTORS, Math.max(LEAST_VECTORS, Math.floor(MOST_VALUES / (1 + numbers.length + texts.length))));
}

export function emptyBatch(service: ProfiledService): VectorBatch {
  return { count: 0, numbers: new Float64Array(batchSize(service) * (1 + service.numbers.length)), texts: [] };
}

/** Compiles the writer of a service's vectors to a batch. Hot path: a store for each feature, and nothing else. */
export function batchWriter(service: ProfiledService): (batch: VectorBatch, vector: ProfiledVector) => void {
  const places = Int32Array.from(service.numbers, ({ place }) => place);
  const scales = service.numbers.map(({ scale }) => scale);
  const textPlaces = service.texts.map(({ place }) => place);
  const stride = 1 + places.length;
  return (batch, { at, values }) => {
    const { numbers, texts } = batch;
    const from = batch.count * stride;
    numbers[from] = at;
    for (let i = 0; i < places.length; i += 1) {
      const value = values[places[i]];
      numbers[from + 1 + i] = typeof value === 'bigint' ? decimalDouble(value, scales[i]) : numberOf(value);
    }
    for (let i = 0; i < textPlaces.length; i += 1) {
      const value = values[textPlaces[i]];
      texts.push(typeof value === 'string' ? value : null);
    }
    batch.count += 1;
  };
}

function numberOf(value: Value | undefined): number {
  return value === null || value === undefined ? Number.NaN : Number(value);
}
