import type { ColumnValues } from '../../ports/table-file.ts';
import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';
import { addBlock, type BlockSpread, createBlockCounter, MANY_BLOCKS, spreadsOf } from './block-spread.ts';
import type { DriftLimit } from './feature-comparison.ts';
import type { FeatureKind } from './feature-kind.ts';
import { spreadLimit } from './spread-limit.ts';
import { unseenOfChunks, withUnseen } from './unseen-values.ts';

type Unseen = ReturnType<typeof unseenOfChunks>;

/** Fewest chunks that say how much the reference moves by itself. */
export const LEAST_CHUNKS = 6;
const MOST_CHUNKS = 40;
const LEAST_SIZE = 30;

/**
 * How far a quiet window of `windowRows` lies from the reference, by the reference's own blocks. They have the size of the window where
 * the reference holds 64 of them, otherwise a 64th of the reference, and of a small one a tenth. Null with fewer rows than 30 a block.
 */
export function calibrate(
  reference: ColumnValues,
  bins: FrozenBins,
  windowRows: number,
  { kind = null, chance }: { readonly kind?: FeatureKind | null; readonly chance: number },
): DriftLimit | null {
  const wanted = Math.max(LEAST_SIZE, windowRows);
  const many = Math.floor(reference.length / MANY_BLOCKS);
  const size = Math.min(wanted, many >= LEAST_SIZE ? many : Math.floor(reference.length / 10));
  if (size < LEAST_SIZE) return null;
  const counts = binned(reference, bins);
  const counter = createBlockCounter(countsBetween(counts, bins.count + 1, 0, counts.length), size);
  for (let from = 0; from + size <= counts.length; from += size)
    addBlock(counter, countsBetween(counts, bins.count + 1, from, from + size), 1);
  const fitting = Math.floor(reference.length / wanted);
  const chunks = fitting >= LEAST_CHUNKS ? Math.min(MOST_CHUNKS, fitting) : 10;
  const length = Math.floor(reference.length / chunks);
  const parts = Array.from({ length: chunks }, (_, c) =>
    countsBetween(counts, bins.count + 1, c * length, (c + 1) * length),
  );
  const unseen = kind === 'manyValues' ? unseenOfChunks(reference, chunks, length) : [];
  return limitOf(parts, spreadsOf(counter, LEAST_CHUNKS), {
    rows: windowRows,
    reference: reference.length,
    chance,
    unseen,
  });
}

function binned(values: ColumnValues, bins: FrozenBins): Uint16Array {
  const found = new Uint16Array(values.length);
  if (values instanceof Float64Array && bins.kind === 'edges') {
    placeNumbers(found, values, bins);
    return found;
  }
  for (let i = 0; i < values.length; i += 1) found[i] = binOf(bins, values[i]);
  return found;
}

/** The bins of numbers. Hot path. */
function placeNumbers(
  found: Uint16Array,
  values: Float64Array,
  { edges, count }: Extract<FrozenBins, { kind: 'edges' }>,
): void {
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    let place = 0;
    // A few edges are passed faster than they are cut in halves.
    while (place < edges.length && edges[place] <= value) place += 1;
    found[i] = Number.isNaN(value) ? count : place;
  }
}

function countsBetween(places: Uint16Array, bins: number, from: number, to: number): Float64Array {
  const counts = new Float64Array(bins);
  for (let i = from; i < to; i += 1) counts[places[i]] += 1;
  return counts;
}

interface LimitOptions {
  /** Rows of the window and of the reference. */
  readonly rows: number;
  readonly reference: number;
  readonly chance: number;
  /** Values that only a chunk has, by chunk. */
  readonly unseen?: Unseen;
}

/** The limit by the spread of blocks, at least mean + 3 sd of the chunks' own debiased PSI: real chunks have heavier tails. */
export function limitOf(
  parts: readonly Float64Array[],
  spreads: readonly BlockSpread[],
  options: LimitOptions,
): DriftLimit | null {
  const usual = usualLimit(parts, options.unseen ?? []);
  if (usual === null) return null;
  const limit = spreadLimit({ ...options, spreads, bins: usual.bins });
  const chunks = Math.max(parts.length, spreads[0]?.blocks ?? 0);
  return { chunks, psi: Math.max(usual.psi, limit?.psi ?? 0), designEffect: limit?.designEffect ?? 1 };
}

/** Mean + 3 sd of the chunks, each against all the others; null with fewer than six. */
function usualLimit(
  parts: readonly Float64Array[],
  unseen: Unseen,
): { readonly psi: number; readonly bins: number } | null {
  const whole = new Float64Array(parts[0]?.length ?? 0);
  for (const part of parts) for (let i = 0; i < part.length; i += 1) whole[i] += part[i];
  const usual = limitOfLooks(
    parts.map((part, c) => {
      const [rest, own] = withUnseen([whole.map((count, i) => count - part[i]), part], unseen[c] ?? null);
      return { part: own, rest };
    }),
  );
  return usual === null ? null : { psi: usual.psi, bins: whole.filter((count) => count > 0).length };
}

/** Mean + 3 sd over chunks that are each compared with counts of their own. */
export function limitOfLooks(
  looks: readonly { readonly part: Float64Array; readonly rest: Float64Array }[],
): { readonly psi: number; readonly chunks: number } | null {
  if (looks.length < LEAST_CHUNKS) return null;
  const sizes = looks.map(({ part, rest }) => populationStabilityIndex(rest, part)?.debiased ?? 0);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length;
  return { psi: mean + 3 * Math.sqrt(variance), chunks: looks.length };
}
