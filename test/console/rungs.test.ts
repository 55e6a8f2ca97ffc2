import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';
import type { SweepResult } from '../../src/training/sweep/run-sweep.ts';

/** The members that the page reads of a result, as a sweep writes it. */
type Result = Pick<SweepResult, 'trial' | 'to' | 'loss' | 'seconds'>;

interface Rung {
  readonly to: number;
  readonly trials: number;
  readonly failed: number;
  readonly best: number | null;
  readonly promoted: number;
  readonly seconds: number;
}
const { rungsOf }: { rungsOf: (results: readonly Result[]) => readonly Rung[] } = await import(
  `${root}/console/src/pages/cost/rungs.ts`
);

/** How many rungs each trial reaches. */
const sweeps = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 }).map((reached) =>
  reached.flatMap((rungs, trial) =>
    Array.from({ length: rungs }, (_, rung): Result => {
      const loss = (trial + rung) % 7 === 0 ? null : 1 / (1 + trial);
      return { trial, to: 3 ** rung, loss, seconds: rung + 1 };
    }),
  ),
);

test('rungs count each result once, and a trial is promoted where it has a result of the next rung', () => {
  fc.assert(
    fc.property(sweeps, (results) => {
      const rungs = rungsOf(results);
      expect(rungs.map(({ to }) => to)).toEqual([...new Set(results.map(({ to }) => to))].toSorted((a, b) => a - b));
      expect(rungs.reduce((sum, { trials }) => sum + trials, 0)).toBe(results.length);
      expect(rungs.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(
        results.reduce((sum, { seconds }) => sum + seconds, 0),
      );
      for (const [i, rung] of rungs.entries()) {
        const here = results.filter(({ to }) => to === rung.to);
        expect(rung.failed).toBe(here.filter(({ loss }) => loss === null).length);
        expect(rung.promoted).toBe(rungs[i + 1]?.trials ?? 0);
        const losses = here.flatMap(({ loss }) => loss ?? []);
        expect(rung.best).toBe(losses.length === 0 ? null : Math.min(...losses));
      }
    }),
  );
});
