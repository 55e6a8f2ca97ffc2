import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import {
  cutNow,
  cutText,
  eachFittingSlice,
  inFittingSlices,
  newFit,
  type Slice,
} from '../../src/schedule/fitting-slices.ts';
import '../seed.ts';

interface Span extends Slice {
  readonly from: number;
  readonly to: number;
}

const span = (from: number, to: number): Span => ({ from, to, rows: to - from });
const cut = async ({ from, to }: Span): Promise<readonly [Span, Span] | null> => {
  const middle = Math.floor((from + to) / 2);
  return middle <= from ? null : [span(from, middle), span(middle, to)];
};

/** Reads numbers in batches of three; a slice with more than `holds` rows fails after `given` of them. */
async function* numbers({ from, to }: Span, holds: number, given: number): AsyncGenerator<readonly number[]> {
  const fails = to - from > holds;
  const end = fails ? Math.min(to, from + given) : to;
  for (let at = from; at < end; at += 3) yield Array.from({ length: Math.min(3, end - at) }, (_, i) => at + i);
  if (fails) throw fail('OFFLINE_MEMORY', { limit: '1MiB' });
}

test('whatever fits, and wherever a read fails, each row is given once and in order', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.nat(40), { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 50 }),
    fc.nat(20),
    async (sizes, holds, given) => {
      const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
      const end = ends.at(-1) ?? 0;
      const slices = sizes.map((size, i) => span(ends[i] - size, ends[i]));
      const found: number[] = [];
      const fit = newFit();
      const read = (slice: Span) => numbers(slice, holds, given);
      for await (const batch of inFittingSlices(slices, read, { cut, fit, repeats: true })) found.push(...batch);
      expect(found).toEqual(Array.from({ length: end }, (_, i) => i));
      expect(fit.cuts > 0).toBe(sizes.some((size) => size > holds));
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

test('a size that failed is not tried again', async () => {
  const tried: number[] = [];
  const fit = newFit();
  const work = async (slice: Span) => {
    tried.push(slice.rows);
    if (slice.rows > 10) throw fail('OFFLINE_MEMORY', { limit: '1MiB' });
  };
  const said: string[] = [];
  const onCut = (rows: number) => said.push(cutNow(rows));
  await eachFittingSlice([span(0, 64), span(64, 128), span(128, 192)], work, { cut, fit, onCut });
  expect(tried.filter((rows) => rows > 10)).toEqual([64, 32, 16]);
  expect(tried.filter((rows) => rows <= 10).reduce((sum, rows) => sum + rows, 0)).toBe(192);
  expect(cutText(fit)).toMatch(/^3 joins did not fit/);
  expect(said.map((text) => /of (\d+) rows/.exec(text)?.[1])).toEqual(['64', '32', '16']);
  expect(cutNow(Number.POSITIVE_INFINITY)).toMatch(/^a join does not fit/);
});

test('what cannot be cut fails, and so do rows of no order after the first, and every other error', async () => {
  const read = async (slices: readonly Span[], holds: number, given: number, repeats: boolean) => {
    const rows: number[] = [];
    for await (const batch of inFittingSlices(slices, (slice) => numbers(slice, holds, given), { cut, repeats }))
      rows.push(...batch);
    return rows;
  };
  await expect(read([span(0, 8)], 0, 0, true)).rejects.toMatchObject({ code: 'OFFLINE_MEMORY' });
  await expect(read([span(0, 8)], 4, 2, false)).rejects.toMatchObject({ code: 'OFFLINE_MEMORY' });
  expect(await read([span(0, 8)], 4, 0, false)).toHaveLength(8);
  const broken = eachFittingSlice([span(0, 8)], async () => Promise.reject(fail('OFFLINE_QUERY', { reason: 'x' })), {
    cut,
  });
  await expect(broken).rejects.toMatchObject({ code: 'OFFLINE_QUERY' });
});

test('a slice of a size that did fit is tried once more: others may have had the memory', async () => {
  let failures = 1;
  const done: number[] = [];
  const work = async (slice: Span) => {
    if (slice.from > 0 && failures > 0) {
      failures -= 1;
      throw fail('OFFLINE_MEMORY', { limit: '1MiB' });
    }
    done.push(slice.rows);
  };
  const fit = newFit();
  await eachFittingSlice([span(0, 8), span(8, 16)], work, { cut, fit });
  expect([done, fit.cuts]).toEqual([[8, 8], 0]);
});
