import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closingWithin } from '../../src/base/closing.ts';

const outcomes = ['ends', 'fails', 'throws', 'hangs'] as const;

const step: Readonly<Record<(typeof outcomes)[number], () => unknown>> = {
  ends: () => undefined,
  fails: () => Promise.reject(new Error('fails')),
  throws: () => {
    throw new Error('throws');
  },
  hangs: () => new Promise(() => undefined),
};

test('whatever a step does, every end after it is begun, and a failure is kept', async () => {
  const arbitrary = fc.array(fc.constantFrom(...outcomes), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(arbitrary, async (steps) => {
      // No time at all: what hangs has its moment.
      const closing = closingWithin(0);
      const begun: number[] = [];
      await Promise.all(
        steps.map((outcome, i) =>
          closing.end(String(i), () => {
            begun.push(i);
            return step[outcome]();
          }),
        ),
      );
      expect(begun).toEqual(steps.map((_, i) => i));
      expect(closing.late).toEqual(steps.flatMap((outcome, i) => (outcome === 'hangs' ? [String(i)] : [])));
      const failed: readonly (string | null)[] = steps.filter((outcome) => outcome === 'fails' || outcome === 'throws');
      expect(failed.length === 0 ? [null] : failed).toContain(closing.failure?.message ?? null);
    }),
    { numRuns: 12 },
  );
});

test('work that comes after the deadline is not begun, and is named as late', async () => {
  const closing = closingWithin(0);
  let begun = false;
  await closing.work('flush', () => {
    begun = true;
  });
  expect([begun, closing.late, closing.failure]).toEqual([false, ['flush'], null]);
});

test('without a deadline every step is waited for', async () => {
  const closing = closingWithin(Number.POSITIVE_INFINITY);
  let ended = 0;
  for (const run of [closing.work, closing.end])
    await run('step', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      ended += 1;
    });
  expect([ended, closing.late]).toEqual([2, []]);
});
