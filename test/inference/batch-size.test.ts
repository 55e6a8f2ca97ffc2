import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ModelRows } from '../../src/model/model-rows.ts';
import { bestBatchRows } from '../../src/serving/batch/score-range.ts';
import { singles } from '../models/fed-rows.ts';

/** A processor on which a run costs `start` and a row 1, or almost nothing if it has run before. */
function processor(start: number) {
  const seen = new Set<number>();
  let now = 0;
  const run = async ({ rows: count, data: [rows] }: ModelRows) => {
    now += start;
    for (let i = 0; i < count; i += 1) {
      now += seen.has(Number(rows[i])) ? 0.01 : 1;
      seen.add(Number(rows[i]));
    }
    return new Float64Array(count);
  };
  return { run, monotonic: () => now };
}

function numbered(rows: number): ModelRows {
  return { rows, data: [Float32Array.from({ length: rows }, (_, i) => i)] };
}

const best = (start: number, rows: number) => {
  const { run, monotonic } = processor(start);
  return bestBatchRows({ rows: numbered(rows), model: { inputs: singles(1), run }, onRun: () => undefined }, monotonic);
};

test('rows that a processor remembers do not make small batches look fast', async () => {
  expect(await best(0, 100_000)).toBe(64);
  expect(await best(10, 100_000)).toBe(256);
  expect(await best(40, 100_000)).toBe(1_024);
  expect(await best(1_000, 100_000)).toBe(4_096);
});

test('however few rows there are, no run goes beyond them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(30_000), async (rows) => {
      const run = async ({ rows: count, data: [given] }: ModelRows) => {
        expect(given.length).toBe(count);
        return new Float64Array(count);
      };
      let at = 0;
      const onRun = ({ from, to }: { from: number; to: number }) => {
        expect(from >= 0 && from < to && to <= rows).toBe(true);
      };
      await bestBatchRows({ rows: numbered(rows), model: { inputs: singles(1), run }, onRun }, () => (at += 1));
    }),
    { numRuns: 50 },
  );
});
