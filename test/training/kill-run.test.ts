import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { killRun, killsOf } from './kill-run.ts';
import { hasPython } from './run-program.ts';

test.skipIf(!hasPython)(
  'a run survives kills of its controller and ranks, also inside a checkpoint write, and equals one without',
  async () => {
    const seed = Number(process.env['HEADRACE_SEED'] ?? 7);
    const random = seededRandom(seed);
    for (let run = 0; run < 2; run++) {
      const counts = await killRun(random, 4);
      expect(killsOf(counts), `seed ${seed}`).toBeGreaterThan(0);
    }
  },
);
