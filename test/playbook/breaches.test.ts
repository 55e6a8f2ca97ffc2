import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { confirmedBreach } from '../../src/playbook/confirm-breach.ts';
import { breachOf, type Excess } from '../../src/playbook/live-breach.ts';
import { intervalOf } from '../../src/playbook/paired-losses.ts';
import { CallerGroups, callerGroup } from '../../src/serving/rollout/caller-groups.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../src/stats/moments.ts';

const RUNS = Number(process.env['HEADRACE_RUNS'] ?? 100);
const LOOKS = 50;
const LABELS = 100;

/** Share of runs in which a look finds something. */
function shareOf(run: (random: Random) => boolean): number {
  let found = 0;
  for (let i = 0; i < RUNS; i += 1) if (run(seededRandom(1_000 + i))) found += 1;
  return found / RUNS;
}

function absoluteErrors(random: Random, n: number, worse = 0): Moments {
  let losses: Moments = NO_MOMENTS;
  for (let i = 0; i < n; i += 1) losses = withValue(losses, Math.abs(randomNormal(random)) * (1 + worse));
  return losses;
}

/** Whether a promoted regression model with this excess of loss is called worse at any look. */
function regressionBreach(before: number, worse: number): (random: Random) => boolean {
  return (random) => {
    const expected = absoluteErrors(random, before);
    let loss: Moments = NO_MOMENTS;
    for (let look = 0; look < LOOKS; look += 1) {
      for (let i = 0; i < LABELS; i += 1) loss = withValue(loss, Math.abs(randomNormal(random)) * (1 + worse));
      if (breachOf({ loss, expected: NO_MOMENTS, difference: NO_MOMENTS }, expected) !== null) return true;
    }
    return false;
  };
}

/** The same of a classifier whose scores are off by `off`. */
function binaryBreach(off: number): (random: Random) => boolean {
  return (random) => {
    let found: Excess = { loss: NO_MOMENTS, expected: NO_MOMENTS, difference: NO_MOMENTS };
    for (let look = 0; look < LOOKS; look += 1) {
      for (let i = 0; i < LABELS; i += 1) {
        const truth = random();
        const score = Math.min(1, Math.max(0, truth + off));
        const loss = (score - (random() < truth ? 1 : 0)) ** 2;
        const expected = score * (1 - score);
        found = {
          loss: withValue(found.loss, loss),
          expected: withValue(found.expected, expected),
          difference: withValue(found.difference, loss - expected),
        };
      }
      if (breachOf(found, null) !== null) return true;
    }
    return false;
  };
}

test.each([100, 200, 1_000, 5_000])(
  'a sound number model is rolled back rarely, however few labels its predecessor has: %i',
  (before) => {
    expect(shareOf(regressionBreach(before, 0))).toBeLessThanOrEqual(0.05);
  },
);

test('a number model that is half as bad again is found, and a classifier that is off', () => {
  expect(shareOf(regressionBreach(1_000, 0.5))).toBe(1);
  expect(shareOf(binaryBreach(0))).toBeLessThanOrEqual(0.05);
  expect(shareOf(binaryBreach(0.4))).toBe(1);
});

/** Whether paired losses of equal versions, with callers that come again, are certainly different at any look. */
function pairedGain(isGrouped: boolean): (random: Random) => boolean {
  return (random) => {
    const levels = Array.from({ length: 300 }, () => 0.5 * randomNormal(random));
    const groups = new CallerGroups();
    let moments: Moments = NO_MOMENTS;
    for (let look = 0; look < LOOKS; look += 1) {
      for (let i = 0; i < LABELS; i += 1) {
        // The first callers send most.
        const caller = Math.floor(levels.length * random() ** 4);
        const difference = levels[caller] + randomNormal(random);
        moments = withValue(moments, difference);
        groups.add(isGrouped ? callerGroup(`c${caller}`) : null, difference);
      }
      const { low, high } = intervalOf(moments, groups.sums());
      if (low > 0 || high < 0) return true;
    }
    return false;
  };
}

test('paired losses of callers that come again are no gain, though they would be one as independent requests', () => {
  expect(shareOf(pairedGain(true))).toBeLessThanOrEqual(0.05);
  expect(shareOf(pairedGain(false))).toBeGreaterThan(0.2);
});

const pairs = fc.record({
  labels: fc.integer({ min: 0, max: 300 }),
  mean: fc.double({ min: -1, max: 1, noNaN: true }),
  width: fc.double({ min: 0.01, max: 1, noNaN: true }),
});

test('a breach stands unless the first pairs with enough labels say that the version is certainly better', async () => {
  const source = fc.oneof(pairs, fc.constant('none' as const), fc.constant('unreadable' as const));
  await fc.assert(
    fc.asyncProperty(fc.array(source, { maxLength: 3 }), async (found) => {
      const reads = found.map((one) => async () => {
        if (one === 'unreadable') throw fail('MODEL_CELL', { model: 'm', version: 1, reason: 'a test says so' });
        return one === 'none' ? null : { ...one, low: one.mean - one.width, high: one.mean + one.width };
      });
      const first = found.find((one) => typeof one !== 'string' && one.labels >= 100);
      const isBetter = typeof first === 'object' && first.mean + first.width < 0;
      const says = await confirmedBreach({ breach: 'the loss is high', champion: 1 }, reads);
      if (isBetter) expect(says).toBeNull();
      else expect(says).toMatch(/^the loss is high/);
      expect(await confirmedBreach({ breach: null, champion: 1 }, reads)).toBeNull();
    }),
  );
});
