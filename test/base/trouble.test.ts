import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { noTrouble } from '../../src/base/trouble.ts';

test('a trouble is reported once while it stays the same, and again after it was over', () => {
  const steps = fc.array(fc.constantFrom('a', 'b', 'over'), { maxLength: 20, size: 'max' });
  fc.assert(
    fc.property(steps, (all) => {
      const told: unknown[] = [];
      const trouble = noTrouble((error) => told.push(error));
      const expected: string[] = [];
      let before = 'over';
      for (const step of all) {
        if (step === 'over') trouble.over();
        else trouble.met(new Error(step));
        if (step !== 'over' && step !== before) expected.push(step);
        before = step;
        expect(trouble.now?.message ?? 'over').toBe(step);
      }
      expect(told.map((error) => (error instanceof Error ? error.message : ''))).toEqual(expected);
    }),
  );
});

test('errors of one code are the same trouble, whatever their facts', () => {
  const told: unknown[] = [];
  const trouble = noTrouble((error) => told.push(error));
  for (const ms of [1, 2]) trouble.met(fail('REDIS_TIMEOUT', { address: 'a', ms }));
  trouble.met(fail('REDIS_UNREACHABLE', { address: 'a', reason: 'r' }));
  expect(told).toHaveLength(2);
});
