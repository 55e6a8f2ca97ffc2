import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { Offer } from '../../src/cost/catalog/offer.ts';
import { parseJob } from '../../src/cost/plan/job.ts';
import { makePlan } from '../../src/cost/plan/make-plan.ts';
import type { CostPlan } from '../../src/cost/plan/plan.ts';
import { readProfile } from '../../src/cost/profile/read-profile.ts';
import type { SpotTrace } from '../../src/cost/spot/trace/spot-trace.ts';
import { verifyPlan } from '../../src/cost/verify/verify-plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const profile = {
  kind: 'headrace-cost-profile',
  format: 1,
  takenAtMs: 0,
  fingerprint: { model: null, gpus: 32, accelerator: 'A100', precision: 'bf16', revision: null },
  stepS: 1,
  gpuBoundStepS: 1,
  loaderS: 0.01,
  spread: 0.03,
  repeats: 2,
  steps: 10,
  microBatch: 8,
  accumulation: 2,
  peakMemoryBytes: 30e9,
  gpuMemoryBytes: 40e9,
};

function traceOf(counts: readonly number[]): SpotTrace {
  return { name: 'made', counts: Uint16Array.from(counts), gapS: 600 } as unknown as SpotTrace;
}

async function planOf(
  change: object,
  {
    counts = Array.from({ length: 3000 }, (_, tick) => (tick % 60 < 40 ? 4 : 0)),
    offers = [],
    measured = {},
    proven = true,
    seed = 1,
  }: {
    readonly counts?: readonly number[];
    readonly offers?: readonly Offer[];
    readonly measured?: object;
    readonly proven?: boolean;
    readonly seed?: number;
  } = {},
): Promise<CostPlan> {
  const job = parseJob({
    version: 1,
    name: 'x',
    hours: 8,
    gpus: 32,
    accelerator: 'A100',
    onDemandUsd: 20,
    spotUsd: 8,
    checkpoint: { blockedS: 20, restartS: 900 },
    ...change,
  });
  const path = join(folder, 'profile.json');
  writeFileSync(path, JSON.stringify({ ...profile, ...measured }));
  return makePlan({
    job: { ...job, proof: proven ? { objections: [] } : null },
    profile: await readProfile([path], job),
    offers,
    prices: { digest: null, ageDays: 0, source: 'the job' },
    traces: [traceOf(counts)],
    traceCaveats: [],
    trials: new Map(),
    otherHardware: null,
    draws: 500,
    seed,
  });
}

const mean = ({ total }: CostPlan) => total.costUsd.mean;

test('a later deadline never costs more, and no plan misses more than its limit, whatever the trace', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ up: fc.integer({ min: 1, max: 80 }), down: fc.integer({ min: 1, max: 80 }) }), {
        minLength: 4,
        maxLength: 12,
      }),
      fc.constantFrom(0, 0.01, 0.1),
      fc.integer({ min: 1, max: 1000 }),
      async (periods, mostMissed, seed) => {
        const once = periods.flatMap(({ up, down }) => [...Array(up).fill(4), ...Array(down).fill(0)]);
        const counts = Array.from({ length: 700 }, (_, tick) => once[tick % once.length] ?? 0);
        let before = Number.POSITIVE_INFINITY;
        for (const deadlineHours of [9, 10, 12, 16.5, 24, 40]) {
          const plan = await planOf({ deadlineHours, mostMissed }, { counts, seed });
          expect(mean(plan)).toBeLessThanOrEqual(before * (1 + 1e-9));
          expect(plan.total.missedShare).toBeLessThanOrEqual(mostMissed);
          before = mean(plan);
        }
      },
    ),
    { numRuns: 6 },
  );
});

test('half the GPUs are left out where their time is worth more to spot, and spot where on demand is as cheap', async () => {
  const measured = { stepS: 1, gpuBoundStepS: 1 };
  const plan = await planOf({ deadlineHours: 17, mostMissed: 0 }, { measured });
  const onDemand = await planOf({ deadlineHours: 17, spotUsd: 19.9 }, { measured });
  expect(mean(plan)).toBeLessThan(mean(onDemand));
  expect(onDemand.spot.state).toBe('no saving');
});

const offer = (provider: string, onDemandUsd: number, spotUsd: number | null): Offer => ({
  provider,
  instanceType: 'big',
  accelerator: 'A100',
  count: 8,
  gpuMemoryMibEach: 40_960,
  region: `${provider}-1`,
  zone: null,
  onDemandUsd,
  spotUsd,
  spotDiscount: null,
  flags: [],
  quotaGpus: null,
});

test('a run stays with one provider: both prices are of one offer, and another one counts with its move alone', async () => {
  const offers = [offer('aws', 20, 12), offer('nebius', 22, 5)];
  const prices = { offer: 'aws/aws-1/big', onDemandUsd: undefined, spotUsd: undefined, deadlineHours: 12 };
  const named = await planOf(prices, { offers });
  expect(named.spot).toMatchObject({ offer: 'aws/aws-1/big', moveUsd: 0 });
  const alone = [offer('aws', 20, null), offer('nebius', 22, 5)];
  const none = await planOf(prices, { offers: alone });
  expect(none.spot).toMatchObject({ state: 'no data', offer: null, reason: expect.stringContaining('dataGib') });
  const moved = await planOf({ ...prices, dataGib: 1000 }, { offers: alone });
  expect(moved.spot).toMatchObject({ offer: 'nebius/nebius-1/big', moveUsd: 90 });
  const free = await planOf({ ...prices, dataGib: 0 }, { offers: alone });
  expect(mean(moved) - mean(free)).toBeCloseTo(90, 6);
  // Its hours on demand cost what that provider asks.
  const { p90 } = moved.total.paidUsdPerNodeHour;
  expect(p90).toBeLessThanOrEqual(22);
});

test('the result of a run is compared with what the plan says is paid: waits for spot are no paid time', async () => {
  const plan = await planOf({ deadlineHours: 24 });
  const { hours, paidHours, costUsd, paidUsdPerNodeHour } = plan.total;
  expect(plan.spot.state).toBe('used');
  expect(paidHours.p50).toBeLessThan(hours.p50);
  expect(paidUsdPerNodeHour.p50).toBeGreaterThanOrEqual(8 * 0.8);
  expect(costUsd.p50 / (4 * paidHours.p50)).toBeCloseTo(paidUsdPerNodeHour.p50, 0);
  const seconds = 3600 * paidHours.p50;
  const startedAt = 1_790_000_000_000;
  const attempts = [
    { startedAt, seconds: seconds / 2 },
    { startedAt: startedAt + 3_600_000 * (hours.p50 - paidHours.p50 / 2), seconds: seconds / 2 },
  ];
  const found = verifyPlan(plan, { ledger: { cost: costUsd.p50, seconds, overhead: 1.1, attempts } }, 0);
  expect(found.comparisons.map(({ what, inside }) => [what, inside])).toEqual([
    ['cost', true],
    ['time', true],
    ['paid time', true],
  ]);
  const price = found.assumptions.find(({ name }) => name.startsWith('the price'));
  expect(price?.ratio).toBeCloseTo(1, 1);
  // On the clock of a recording starts are closer than the time that was held: the time is not compared with it.
  const fast = { ledger: { cost: costUsd.p50, seconds, overhead: 1.1, attempts: [{ startedAt, seconds: 1 }] } };
  expect(verifyPlan(plan, fast, 0).comparisons.map(({ what }) => what)).toEqual(['cost', 'paid time']);
});

test.each([
  [{ version: 1, hours: 2, paidHours: 3 }, 'paid for longer'],
  [{ version: 1, hours: 2, wallOverWork: 0.5 }, 'wallOverWork'],
  [{ version: 1, hours: -2 }, 'hours'],
])('an impossible result is refused: %j', async (result, reason) => {
  const plan = await planOf({});
  expect(() => verifyPlan(plan, result, 0)).toThrow(
    expect.objectContaining({ code: 'COST_VERIFY', message: expect.stringContaining(reason) }),
  );
});

test.each([
  [{ spotUsd: 25 }, {}, 'dearer than on demand'],
  [
    { accelerator: 'V100', precision: 'bf16' },
    { fingerprint: { ...profile.fingerprint, accelerator: 'V100' } },
    'no units for bf16',
  ],
  [{ precision: 'fp8' }, { fingerprint: { ...profile.fingerprint, precision: 'fp8' } }, 'no units for fp8'],
  [{ checkpoint: { blockedS: 40_000, restartS: 1 } }, {}, 'as long as the job'],
  [{ checkpoint: { blockedS: 1, restartS: 40_000 } }, {}, 'as long as the job'],
  [{}, { peakMemoryBytes: 80e9 }, 'above the memory'],
  [{ parameters: 1e12 }, {}, 'parameters alone'],
  [{}, { stepS: 40_000, gpuBoundStepS: 40_000 }, 'longer than the job'],
  [
    { transformer: { parameters: 1e9, layers: 1, heads: 1, headSize: 1, sequence: 512, tokensPerStep: 10 } },
    {},
    'fewer tokens',
  ],
  [{ deadlineHours: 1e5 }, {}, 'a year'],
])('facts that cannot all be true are refused: %j %j', async (change, measured, reason) => {
  const error = await planOf(change, { measured }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(isHeadraceError(error, 'COST_JOB') && error.message).toContain(reason);
});

test('the first line names the largest lever, and what opens the gate before it', async () => {
  const gated = await planOf({ deadlineHours: 24, command: ['python3', 'train.py'] }, { proven: false });
  expect(gated.first).toMatch(/^spot, \d+ USD at the median, behind a gate/);
  expect(gated.first).toContain('headrace train drill --ranks 32 -- python3 train.py');
  expect((await planOf({ deadlineHours: 24 })).first).toMatch(/^spot, by the policy/);
});
