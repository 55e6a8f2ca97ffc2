import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { LOSS_DETECTORS, resolveMonitor } from '../../src/features/define/monitor.ts';
import { detectorOf } from '../../src/monitoring/monitor/loss-detector.ts';
import { lossWatch } from '../../src/monitoring/monitor/loss-watch.ts';
import { service } from '../models/small-project.ts';
import { runs } from '../runs.ts';

/** Losses of 0 and 1 at a rate. */
function wrong(seed: number, n: number, rate: number): readonly number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => (random() < rate ? 1 : 0));
}

const RUN_LENGTH = 5000;
/** Losses without a change: an alarm in each run length is expected. */
const LONG = runs(40_000, 100_000);

describe.each(LOSS_DETECTORS)('%s', (detector) => {
  test.each([0.05, 0.3])(
    'with a run length, false alarms at the rate %d are about as far apart as it says, and a change is found',
    (rate) => {
      const first = wrong(1, 5000, rate);
      // The parameter is solved for the rate that was observed.
      const observed = first.reduce((sum, loss) => sum + loss, 0) / first.length;
      const made = detectorOf({ detector, runLength: RUN_LENGTH })(first);
      const still = made.copy();
      const alarms = wrong(2, LONG, observed).filter((loss) => still.update(loss) === 'drift').length;
      // Fewer alarms than expected are no fault of a careful detector. Those of hddmW come in bursts: its bound is steep.
      expect(alarms).toBeLessThanOrEqual((3 * LONG) / RUN_LENGTH);
      const changed = made.copy();
      for (const loss of wrong(3, 2000, rate)) changed.update(loss);
      expect(wrong(4, 3000, rate + 0.3).some((loss) => changed.update(loss) === 'drift')).toBe(true);
    },
  );

  test('a longer run length gives no more alarms', () => {
    const first = wrong(5, 5000, 0.2);
    const alarms = (runLength: number) => {
      const made = detectorOf({ detector, runLength })(first);
      return wrong(6, runs(20_000, 40_000), 0.2).filter((loss) => made.update(loss) === 'drift').length;
    };
    const long = alarms(200_000);
    expect(long).toBeLessThanOrEqual(alarms(500));
    expect(long).toBeLessThanOrEqual(2);
  });

  test('a watch with it resumes from a copy as the first one would', () => {
    const losses = [...wrong(7, 3000, 0.1), ...wrong(8, 2000, 0.5)];
    const of = detectorOf({ detector, runLength: null });
    const [whole, early] = [lossWatch(of), lossWatch(of)];
    for (const [at, loss] of losses.entries()) whole.add(at, loss);
    for (const [at, loss] of losses.slice(0, 4000).entries()) early.add(at, loss);
    const late = early.copy();
    for (const [at, loss] of losses.slice(4000).entries()) late.add(4000 + at, loss);
    expect(late.changes()).toEqual(whole.changes());
  });
});

test('what no monitor does is refused by code', () => {
  const model = { name: 'm', task: 'binary', service } as const;
  expect(resolveMonitor(model, { kind: 'conceptDrift' })).toMatchObject({ detector: 'adwin', runLength: null });
  expect(resolveMonitor(model, { kind: 'conceptDrift', detector: 'bayesianOnline', runLength: 100_000 })).toMatchObject(
    {
      detector: 'bayesianOnline',
      runLength: 100_000,
    },
  );
  for (const bad of [
    { kind: 'conceptDrift', detector: 'ddm' },
    { kind: 'conceptDrift', runLength: 10 },
    { kind: 'conceptDrift', runLength: 1.5e9 },
    { kind: 'conceptDrift', runLength: '1000' },
    { kind: 'featureDrift', detector: 'adwin' },
  ])
    expect(() => resolveMonitor(model, bad)).toThrow(expect.objectContaining({ code: 'MODEL_MONITOR' }));
});
