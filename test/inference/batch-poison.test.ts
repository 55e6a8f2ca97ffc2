import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { readDeadRows } from '../../src/serving/batch/dead-rows.ts';
import { type Rejection, scoreRange } from '../../src/serving/batch/score-range.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { WorkQueue } from '../../src/serving/batch/work-queue.ts';
import { fedRows, singles } from '../models/fed-rows.ts';
import { small } from '../models/small-project.ts';
import { batchSite, inputRows, outputRows, siteContext, writeInput } from './batch-site.ts';

test('rows that make the model throw, return NaN, die or hang are in quarantine alone, each with its class', async () => {
  const site = await batchSite();
  const poison = '(5, 666), (17, 669), (100, 667), (300, 668)';
  const rows = `SELECT t.* REPLACE (COALESCE(p.value, t.number) AS number) FROM (${inputRows(600)}) AS t
    LEFT JOIN (VALUES ${poison}) AS p(row, value) ON p.row = t.id ORDER BY t.id`;
  const from = await writeInput(rows, join(site, 'in.parquet'));
  const to = join(site, 'out');
  const program = {
    path: new URL('./processes/poison-worker.ts', import.meta.url),
    args: [site, '0'],
  };
  const options = { from, to, workers: 1, mostErrors: 0.02, runTimeoutMs: 1_000 };
  const { result } = await startBatch(small, options, siteContext(site, program));
  const { quarantined } = await result;
  expect(quarantined).toBe(4);
  const manifest = readBatchManifest(to);
  const lines = (manifest?.parts ?? []).flatMap(({ quarantine }) =>
    quarantine === null
      ? []
      : readFileSync(join(to, manifest?.folder ?? '', quarantine.file), 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
  );
  const dead = await readDeadRows(to, manifest?.job ?? '', 100);
  expect(dead.map(({ file: _, ...row }) => row)).toEqual(lines);
  for (const { file } of dead) expect(existsSync(file), file).toBe(true);
  expect(await readDeadRows(to, manifest?.job ?? '', 3)).toEqual(dead.slice(0, 3));
  expect(lines.map(({ row, code }) => [row, code])).toEqual([
    [5, 'MODEL_RUN'],
    [17, 'MODEL_SCORE'],
    [100, 'MODEL_CRASH'],
    [300, 'MODEL_HANG'],
  ]);
  const bad = new Set([5, 17, 100, 300]);
  expect((await outputRows(to)).map(([row]) => row)).toEqual(
    Array.from({ length: 600 }, (_, i) => i).filter((row) => !bad.has(row)),
  );
}, 600_000);

test('whatever rows fail and however large the batches: the rows that fail alone are rejected, all others scored', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(199)),
      fc.integer({ min: 1, max: 250 }),
      fc.option(fc.tuple(fc.nat(199), fc.integer({ min: 1, max: 64 }))),
      fc.uniqueArray(fc.nat(199), { maxLength: 5 }),
      async (failing, batchRows, suspect, skipped) => {
        const features = Float32Array.from({ length: 400 }, (_, i) => i);
        const isFailing = new Set(failing);
        const skip: Rejection = { code: 'MODEL_CRASH', reason: 'it died' };
        const { scores, rejected } = await scoreRange({
          rows: fedRows({ inputs: singles(2) }, features),
          model: {
            inputs: singles(2),
            run: async ({ rows: count, data: [rows] }) => {
              expect(rows.length).toBe(2 * count);
              const ids = Array.from({ length: count }, (_, i) => Number(rows[2 * i]) / 2);
              if (ids.some((id) => isFailing.has(id) || skipped.includes(id))) throw new Error('poison');
              return Float64Array.from(ids);
            },
          },
          batchRows,
          suspect: suspect === null ? null : { from: suspect[0], to: Math.min(200, suspect[0] + suspect[1]) },
          rejected: new Map(skipped.map((row) => [row, skip])),
          onRun: () => undefined,
          onReject: () => undefined,
        });
        const expected = new Set([...failing, ...skipped]);
        expect([...rejected.keys()].sort((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
        scores.forEach((score, row) => {
          expect(score).toBe(expected.has(row) ? Number.NaN : row);
        });
      },
    ),
    { numRuns: 200 },
  );
});

test('whoever takes in whatever order, each partition is taken once', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.integer({ min: 1, max: 9 }), fc.infiniteStream(fc.nat(8)), (count, workers, order) => {
      const partitions = Array.from({ length: count }, (_, index) => ({ index, from: index, to: index + 1 }));
      const queue = new WorkQueue(partitions, workers);
      const taken: number[] = [];
      for (let i = 0; i < count; i += 1) {
        const partition = queue.take(Number(order.next().value) % workers);
        if (partition !== undefined) taken.push(partition.index);
      }
      expect(taken.sort((a, b) => a - b)).toEqual(partitions.map(({ index }) => index));
      expect(queue.take(0)).toBeUndefined();
    }),
  );
});
