import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VersionLife, type VersionState } from '../../src/versions/cache/version-life.ts';

const states: readonly VersionState[] = ['loading', 'verifying', 'warming', 'ready', 'draining', 'closed', 'failed'];

test('a version never comes back from its end, serves only once verified and warm, and refuses every other step', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...states), { maxLength: 30 }), (steps) => {
      const life = new VersionLife();
      const passed: VersionState[] = [life.state];
      for (const next of steps) {
        try {
          life.enter(next);
          passed.push(next);
        } catch {
          expect(life.state).toBe(passed.at(-1));
        }
      }
      const ready = passed.indexOf('ready');
      if (ready >= 0) expect(passed.slice(ready - 2, ready)).toEqual(['verifying', 'warming']);
      const end = passed.findIndex((one) => one === 'closed' || one === 'failed');
      if (end >= 0) expect(end).toBe(passed.length - 1);
      const draining = passed.indexOf('draining');
      if (draining >= 0) expect(passed[draining - 1]).toBe('ready');
    }),
  );
});
