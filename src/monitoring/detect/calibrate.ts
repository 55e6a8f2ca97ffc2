import type { ColumnValues } from '../../ports/table-file.ts';
import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';
import type { FeatureKind } from './feature-kind.ts';
import { type UnseenValues, unseenOfChunks, withUnseen } from './unseen-values.ts';

/** Fewest chunks that say how much the reference moves by itself. */
export const LEAST_CHUNKS = 6;
const MOST_CHUNKS = 40;

/**
 * How much the reference's own chunks differ from the whole: mean + 3 sd of their debiased PSI. Chunks have the size of
 * the window where the reference holds six of them, otherwise a tenth of the reference. Null with fewer rows than 30 a chunk.
 */
export function calibrate(
  reference: ColumnValues,
  bins: FrozenBins,
  windowRows: number,
  kind: FeatureKind | null = null,
): { readonly psi: number; readonly chunks: number } | null {
  const fitting = Math.floor(reference.length / Math.max(1, windowRows));
  const chunks = fitting >= LEAST_CHUNKS ? Math.min(MOST_CHUNKS, fitting) : 10;
  const size = Math.floor(reference.length / chunks);
  if (size < 30) return null;
  const parts = Array.from({ length: chunks }, (_, c) => {
    const counts = new Float64Array(bins.count + 1);
    for (let i = c * size; i < (c + 1) * size; i += 1) counts[binOf(bins, reference[i])] += 1;
    return counts;
  });
  return limitOf(parts, kind === 'manyValues' ? unseenOfChunks(reference, chunks, size) : []);
}

/** The limit over counts of chunks: each against all the others; with values that only it has, where they are given. */
export function limitOf(
  parts: readonly Float64Array[],
  unseen: readonly Pick<UnseenValues, 'expected' | 'found'>[] = [],
): { readonly psi: number; readonly chunks: number } | null {
  if (parts.length < LEAST_CHUNKS) return null;
  const whole = new Float64Array(parts[0].length);
  for (const part of parts) for (let i = 0; i < part.length; i += 1) whole[i] += part[i];
  return limitOfLooks(
    parts.map((part, c) => {
      const [rest, own] = withUnseen([whole.map((count, i) => count - part[i]), part], unseen[c] ?? null);
      return { part: own, rest };
    }),
  );
}

/** The same over chunks that are each compared with counts of their own. */
export function limitOfLooks(
  looks: readonly { readonly part: Float64Array; readonly rest: Float64Array }[],
): { readonly psi: number; readonly chunks: number } | null {
  if (looks.length < LEAST_CHUNKS) return null;
  const sizes = looks.map(({ part, rest }) => populationStabilityIndex(rest, part)?.debiased ?? 0);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length;
  return { psi: mean + 3 * Math.sqrt(variance), chunks: looks.length };
}
