import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpareWorkers } from '../../src/serving/batch/spare-workers.ts';

const MANY = 1_000_000;

test('a job of many rows starts all workers at once', () => {
  const spare = new SpareWorkers(['a', 'b', 'c'], MANY);
  spare.ready(0);
  expect([spare.first, spare.due(Number.MAX_SAFE_INTEGER)]).toEqual([['a', 'b', 'c'], []]);
});

test('a job of few rows starts the others only when its first worker has had a second', () => {
  const spare = new SpareWorkers(['a', 'b', 'c'], 1_000);
  expect([spare.first, spare.due(10_000)]).toEqual([['a'], []]);
  spare.ready(10_000);
  expect([spare.due(10_999), spare.due(11_000), spare.due(12_000)]).toEqual([[], ['b', 'c'], []]);
});

test('each worker starts once, whatever is asked when, and the first never waits', () => {
  const step = fc.record({ kind: fc.constantFrom('ready', 'due'), ms: fc.nat(3_000) });
  fc.assert(
    fc.property(fc.nat(8), fc.nat(2 * 50_000), fc.array(step), (count, rows, steps) => {
      const workers = Array.from({ length: count }, (_, i) => i);
      const spare = new SpareWorkers(workers, rows);
      const started = [...spare.first];
      let now = 0;
      for (const { kind, ms } of [...steps, { kind: 'ready', ms: 0 }, { kind: 'due', ms: 1_000 }]) {
        now += ms;
        if (kind === 'ready') spare.ready(now);
        else started.push(...spare.due(now));
      }
      expect(started).toEqual(workers);
      expect(spare.first.length).toBeGreaterThanOrEqual(Math.min(1, count));
    }),
  );
});
