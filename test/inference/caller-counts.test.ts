import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failureReasons, ModelStatistics, OTHER_CALLERS } from '../../src/versions/queue/model-statistics.ts';

const call = fc.record({
  caller: fc.integer({ min: 0, max: 300 }).map((n) => (n === 0 ? '' : `k${n}`)),
  reason: fc.constantFrom(null, ...failureReasons),
  queueMs: fc.integer({ min: 0, max: 50 }),
  runMs: fc.integer({ min: 0, max: 50 }),
});

test('the counts of callers add up to those of the version, however many callers there are', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 400, size: 'max' }), (calls) => {
      const statistics = new ModelStatistics();
      for (const { caller, reason, queueMs, runMs } of calls)
        if (reason === null) statistics.answered(1, queueMs, runMs, 1, caller);
        else statistics.failed(reason, queueMs, caller);
      const rows = [...statistics.callers.values()];
      const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((all, row) => all + of(row), 0);
      expect(sum(({ answered }) => answered)).toBe(statistics.success.count);
      expect(sum(({ failed }) => failed)).toBe(statistics.fail.count);
      expect(sum(({ rejected }) => rejected)).toBe(statistics.failures.REJECTED);
      expect(sum(({ queueMs }) => queueMs)).toBe(statistics.queue.ms);
      expect(sum(({ runMs }) => runMs)).toBe(statistics.computeInfer.ms);
      const names = new Set(calls.map(({ caller }) => caller));
      expect(statistics.callers.size).toBeLessThanOrEqual(101);
      expect(statistics.callers.has(OTHER_CALLERS)).toBe(names.size > 100);
    }),
    { numRuns: 40 },
  );
});
