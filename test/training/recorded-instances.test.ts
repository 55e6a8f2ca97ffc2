import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { greedy } from '../../src/cost/spot/policies/greedy.ts';
import { onDemand } from '../../src/cost/spot/policies/on-demand.ts';
import { uniformProgress } from '../../src/cost/spot/policies/uniform-progress.ts';
import type { SpotTrace } from '../../src/cost/spot/trace/spot-trace.ts';
import type { PlacedProgress, Placer } from '../../src/training/runner/placer.ts';
import { RecordedInstances } from '../../src/training/runner/recorded-instances.ts';
import { runs } from '../runs.ts';
import { expectedState, hasPython, runCount } from './run-program.ts';

/** Steps of a run: an attempt on spot makes about fifteen. */
const STEPS = runs(60, 150);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spot-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Spot comes and goes every few ticks; the last tick has none. */
const counts = Uint16Array.from({ length: 4000 }, (_, tick) => (tick % 7 < 4 ? 2 : 0));
counts[counts.length - 1] = 0;
const trace: SpotTrace = {
  name: 'made',
  family: 'tick-counts',
  gapS: 60,
  counts,
  evidence: 'made by the test',
  startMs: null,
  hardware: null,
  faults: [],
  losses: null,
  lossesUnsorted: null,
};

const options = (policy: typeof greedy, noticeS: number) => ({
  trace,
  startTick: 0,
  nodes: 2,
  job: { workS: 3600, deadlineS: 100_000, gapS: 60, changeoverS: 60, priceRatio: 3 },
  policy,
  spotPrice: 1,
  onDemandPrice: 3,
  speed: 1,
  noticeS,
});

/** Time by progress, 12 s a step and a minute a start, so that a slow machine is preempted as often as a fast one. */
function byProgress(placer: RecordedInstances): Placer {
  let starts = 0;
  const steps = () => {
    try {
      return readFileSync(join(folder, 'steps-0.log'), 'utf8').split('\n').length;
    } catch {
      return 0;
    }
  };
  const timed = (progress: PlacedProgress) => ({ ...progress, elapsedS: steps() * 12 + starts * 60, attemptS: 0 });
  return {
    speed: 1,
    place: (progress) => {
      starts += 1;
      return placer.place(timed(progress));
    },
    look: (progress) => placer.look(timed(progress)),
    memory: () => placer.memory(),
    restore: (memory) => placer.restore(memory),
  };
}

test.skipIf(!hasPython).each([
  ['greedy, without notice', greedy, 0],
  ['greedy, with notice', greedy, 60],
  ['uniform progress', uniformProgress, 0],
] as const)('%s: a run that is preempted again and again equals one that is not', async (_, policy, noticeS) => {
  const outcome = await runCount(
    folder,
    { ranks: 2, targetSteps: STEPS, graceMs: 200, options: { every: 5, stepSeconds: 0.01 } },
    { placer: byProgress(new RecordedInstances(options(policy, noticeS))) },
  );
  expect(outcome.state).toBe('completed');
  expect(outcome.result).toMatchObject({ result: { state: expectedState(0, STEPS) } });
  const { attempts, cost, preemptions } = outcome.ledger;
  expect(preemptions).toBeGreaterThan(0);
  for (const { placement, outcome: end } of attempts) if (end === 'preempted') expect(placement).toBe('spot');
  const priced = attempts.map(({ seconds, placement }) => (seconds / 3600) * (placement === 'spot' ? 2 : 6));
  expect(cost).toBeCloseTo(
    priced.reduce((sum, one) => sum + one, 0),
    9,
  );
});

test.skipIf(!hasPython)('on demand is never preempted', async () => {
  const placer = new RecordedInstances(options(onDemand, 0));
  const outcome = await runCount(folder, { targetSteps: 60, options: { stepSeconds: 0.01 } }, { placer });
  expect(outcome.ledger).toMatchObject({ preemptions: 0, attempts: [{ placement: 'on_demand' }] });
});

test('the policy of the runner is that of the simulator: the same ticks, the same states', () => {
  const placer = new RecordedInstances(options(greedy, 0));
  const progress = { step: 10, targetSteps: 100, attemptS: 0, running: true, waits: false };
  expect(placer.place({ ...progress, elapsedS: 0 })).toEqual({ name: 'spot', pricePerHour: 2 });
  expect(placer.look({ ...progress, elapsedS: 239 })).toBe('keep');
  expect(placer.look({ ...progress, elapsedS: 240 })).toBe('gone');
  expect(placer.place({ ...progress, elapsedS: 241 })).toBeNull();
  expect(placer.place({ ...progress, elapsedS: 99_000 })).toEqual({ name: 'on_demand', pricePerHour: 6 });
});
