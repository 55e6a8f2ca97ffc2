import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { Command } from '../../src/cli/command.ts';
import { costPlan } from '../../src/cli/commands/cost/plan.ts';
import { costVerify } from '../../src/cli/commands/cost/verify.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { programFacts } from '../../src/cost/evidence/program-files.ts';
import { parseJob, readJob } from '../../src/cost/plan/job.ts';
import type { CostPlan } from '../../src/cost/plan/plan.ts';
import { withDrill } from '../../src/cost/plan/read-drill.ts';
import { parseMeasuredProfile } from '../../src/cost/profile/measured-profile.ts';
import { verifyPlan } from '../../src/cost/verify/verify-plan.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from '../gpu/captures/scan-trace.ts';
import { embeddedReport } from '../report/embedded-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-plan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

const job = {
  version: 1,
  name: 'resnet50',
  hours: 8,
  gpus: 32,
  accelerator: 'A100',
  model: 'resnet50',
  revision: '4f2c1d9',
  deadlineHours: 12,
  onDemandUsd: 21.957642,
  spotUsd: 8.67,
  checkpoint: { blockedS: 20, restartS: 900 },
  command: ['python3', 'train.py'],
  drill: 'drill.json',
};
const profile = {
  kind: 'headrace-cost-profile',
  format: 1,
  takenAtMs: 1_795_000_000_000,
  fingerprint: { model: 'resnet50', gpus: 32, accelerator: 'A100', precision: 'tf32', revision: '4f2c1d9' },
  stepS: 1,
  gpuBoundStepS: 0.75,
  loaderS: 1,
  spread: 0.02,
  repeats: 3,
  steps: 50,
  microBatch: 256,
  accumulation: 1,
  peakMemoryBytes: 30e9,
  gpuMemoryBytes: 42.9e9,
};
writeFileSync(join(folder, 'train.py'), 'import net\n');
writeFileSync(join(folder, 'net.py'), 'layers = 50\n');
const drill = {
  format: 2,
  evidence: {
    ...programFacts(['train.py'], folder),
    options: '{}',
    worldSize: 32,
    revision: '4f2c1d9',
    hardware: 'NVIDIA A100-SXM4-40GB',
  },
  passed: true,
  problems: [],
  steps: 100,
  checkpointSeconds: 12,
  restartSeconds: 300,
  checkpointBytes: 1e8,
  lossDifference: 0,
  lossTolerance: 0.001,
};
file('drill.json', drill);
const profilePath = file('profile.json', profile);
const trace = file('gang_v100.json', {
  metadata: { gap_seconds: 300 },
  data: Array.from({ length: 3000 }, (_, tick) => (tick % 60 < 48 ? 4 : 0)),
});

async function call(command: Command, ...args: readonly string[]): Promise<string> {
  let text = '';
  const out = (part: string) => {
    text += `${part}\n`;
  };
  const terminal = { out, err: () => {}, interactive: false, stopped: new Promise<void>(() => {}) };
  await command.run(parseCall(command, args, terminal));
  return text;
}

const planOf = async (change: object, ...args: readonly string[]) =>
  JSON.parse(
    await call(costPlan, file('job.json', { ...job, ...change }), '--draws', '2000', '--json', ...args),
  ) as CostPlan;
const full = (change: object = {}) => planOf(change, '--profile', profilePath, '--trace', trace);

async function codeOf(answer: Promise<unknown>): Promise<string> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isHeadraceError(error) ? error.code : String(error);
}

test('without a profile there is no figure of the job: ranges with their sources, the commands, and an error', async () => {
  let text = '';
  const terminal = {
    out: (part: string) => {
      text += part;
    },
    err: () => {},
    interactive: false,
    stopped: new Promise<void>(() => {}),
  };
  const path = file('job.json', job);
  const error = await Promise.resolve(costPlan.run(parseCall(costPlan, [path], terminal))).catch(
    (reason: unknown) => reason,
  );
  expect(isHeadraceError(error, 'COST_NO_PROFILE') && error.exit).toBe(3);
  expect(text).toContain('1.019 / 1.645 / 2.829');
  expect(text).toContain("holds 80 % of left-out models' rows");
  expect(text).toContain('headrace cost profile');
  expect(text).not.toMatch(/\d USD/);
});

test('a plan states cost and time as ranges, the same for one seed, and the waterfall ends at the total', async () => {
  const plan = await full();
  expect(plan.baseline.costUsd).toBeCloseTo(702.6445, 3);
  expect(plan.spot.state).toBe('used');
  const { p10, p50, p90 } = plan.total.costUsd;
  expect(p10).toBeLessThanOrEqual(p50);
  expect(p50).toBeLessThanOrEqual(p90);
  expect(p50).toBeLessThan(plan.baseline.costUsd);
  expect(plan.waterfall.at(-1)?.costUsd).toBe(p50);
  const saved = plan.waterfall.reduce((sum, { savedUsd }) => sum + savedUsd, 0);
  expect(plan.baseline.costUsd - saved).toBeCloseTo(p50, 6);
  expect(await full()).toEqual({ ...plan, prices: expect.anything(), spot: expect.anything() });
  expect(plan.techniques.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'profile-first',
      'mixed-precision',
      'activation-checkpointing',
      'gradient-accumulation',
      'data-pipeline',
      'spot',
      'parallel-efficiency',
      'short-sweeps',
    ]),
  );
});

test('spot is blocked without a drill that passed, and the plan says what it would cost', async () => {
  for (const [path, reason] of [
    [undefined, 'no drill'],
    [file('failed.json', { ...drill, passed: false, problems: ['torn: ended at step 3'] }), 'torn: ended at step 3'],
  ] as const) {
    const plan = await full({ drill: path });
    expect(plan.spot.state).toBe('blocked');
    expect(plan.spot.reason).toContain(reason);
    expect(plan.spot.costUsd).not.toBeNull();
    expect(plan.total.missedShare).toBeLessThanOrEqual(0.01);
    expect(plan.waterfall.map(({ name }) => name)).not.toContain('spot');
  }
  expect((await full({ checkpoint: undefined, drill: undefined })).spot.reason).toContain(
    'checkpoints were not measured',
  );
  expect(await codeOf(full({ drill: { passed: true, revision: '4f2c1d9', gpus: 32 } }))).toBe('COST_JOB');
});

test('spot is left out without a long enough trace, without a price, and where it saves nothing', async () => {
  const short = file('short_v100.json', { metadata: { gap_seconds: 300 }, data: [4, 4, 0, 4] });
  const spotOf = async (change: object, ...args: readonly string[]) =>
    (await planOf(change, '--profile', profilePath, ...args)).spot;
  expect(await spotOf({}, '--trace', short)).toMatchObject({
    state: 'no data',
    reason: 'no trace is as long as the deadline',
  });
  expect(await spotOf({})).toMatchObject({ state: 'no data', costUsd: null });
  expect(await spotOf({ spotUsd: undefined }, '--trace', trace)).toMatchObject({ state: 'no data', offer: null });
  expect(await spotOf({ spotUsd: 21.5 }, '--trace', trace)).toMatchObject({ state: 'no saving' });
});

test('damaged jobs and profiles give a plan with finite figures, or a coded error', () => {
  const texts = [JSON.stringify(job), JSON.stringify(profile)];
  const change = fc.record({
    which: fc.nat(1),
    at: fc.nat(700),
    remove: fc.nat(12),
    insert: fc.constantFrom('', '-1', '1e999', '"', 'null', '0', '{', '[]'),
  });
  fc.assert(
    fc.property(change, ({ which, at, remove, insert }) => {
      const text = texts[which] ?? '';
      const place = at % text.length;
      const damaged = text.slice(0, place) + insert + text.slice(place + remove);
      try {
        const value: unknown = JSON.parse(damaged);
        if (which === 0) expect(Number.isFinite(parseJob(value).hours)).toBe(true);
        else expect(Number.isFinite(parseMeasuredProfile('x', value).stepS)).toBe(true);
      } catch (error) {
        if (!(error instanceof SyntaxError) && !isHeadraceError(error)) throw error;
      }
    }),
    { numRuns: Number(process.env['HEADRACE_FUZZ_RUNS'] ?? 400) },
  );
});

test('the result of a drill opens spot, and gives blocked time and restart, with the time to provide a node', async () => {
  const spotOf = async (change: object) =>
    (await full({ checkpoint: undefined, drill: file('own-drill.json', { ...drill, ...change }) })).spot;
  const opened = await spotOf({});
  expect(opened.state).toBe('used');
  const slower = await spotOf({ checkpointSeconds: 120 });
  expect(slower.checkpointS ?? 0).toBeGreaterThan(opened.checkpointS ?? 0);
  expect((await spotOf({ passed: false })).state).toBe('blocked');
  expect((await spotOf({ checkpointSeconds: null })).reason).toContain('checkpoints were not measured');
  expect(await codeOf(spotOf({ format: 3 }))).toBe('COST_JOB');
  const described = await readJob(file('job.json', { ...job, checkpoint: undefined }));
  expect((await withDrill(described, join(folder, 'drill.json'))).checkpoint?.restartS).toBe(300 + 540);
});

test('a profile of another job is rejected: model, GPUs, accelerator, revision, precision', async () => {
  for (const change of [
    { model: 'bert' },
    { gpus: 16 },
    { accelerator: 'H100' },
    { revision: 'new' },
    { precision: 'bf16' },
  ])
    expect(await codeOf(full(change)), JSON.stringify(change)).toBe('COST_PROFILE_OTHER');
});

test.each([
  [{ billUsd: 900 }, 'COST_JOB'],
  [{ deadlineHours: 4 }, 'COST_JOB'],
  [{ hours: -1 }, 'COST_JOB'],
  [{ gpus: 12 }, 'COST_JOB'],
  [{ colour: 'red' }, 'COST_JOB'],
  [{ onDemandUsd: undefined, spotUsd: undefined }, 'COST_JOB'],
  [{ offer: 'aws/nowhere/x' }, 'COST_JOB'],
])('a wrong or contradictory job is rejected: %j', async (change, code) => {
  expect(await codeOf(full(change))).toBe(code);
});

test('a damaged or foreign profile is a coded error', async () => {
  const at = (name: string, value: unknown) => codeOf(planOf({}, '--profile', file(name, value)));
  expect(await at('a.json', { ...profile, format: 2 })).toBe('COST_PROFILE');
  expect(await at('b.json', { ...profile, stepS: -1 })).toBe('COST_PROFILE');
  expect(await at('c.json', JSON.stringify(profile).slice(0, -5))).toBe('COST_PROFILE');
  expect(await at('d.txt', 'hello')).toBe('GPU_FORMAT');
  expect(await codeOf(planOf({}, '--profile', join(folder, 'absent')))).toBe('COST_FILE');
  expect(await codeOf(planOf({}, '--profile', profilePath, '--trial', 'luck=x.json'))).toBe('COST_JOB');
});

test('a trace is a profile: kernels by class, communication and gaps; with a measured profile its parts are scaled', async () => {
  const [capture] = trainingRun({
    fault: 'exposed-communication',
    share: 0.3,
    steps: 6,
    kernelsPerStep: 60,
    kernelUs: 80,
    ranks: 2,
    random: seededRandom(5),
  });
  const text = captureJson(capture ?? expect.unreachable());
  const path = file('trace.json', text);
  const deviceName =
    diagnose([{ kind: 'trace', path, trace: scanTrace(new TextEncoder().encode(text)) }]).traces[0]?.deviceName ?? '';
  const accelerator = /[AHV]\d{3}/.exec(deviceName)?.[0] ?? 'A100';
  const change = { accelerator, gpus: 2, gpusPerNode: 2, drill: undefined };
  const plan = await planOf(change, '--profile', path);
  expect(plan.profile.loaderMeasured).toBe(false);
  const { step, times, measuredStepS } = plan.profile;
  expect(step.allReduceS).toBeGreaterThan(0);
  expect(Math.abs(times.stepS / measuredStepS - 1)).toBeLessThan(0.1);
  const diagnosis = JSON.stringify(
    diagnose([{ kind: 'trace', path, trace: scanTrace(new TextEncoder().encode(text)) }]),
  );
  expect((await planOf(change, '--profile', file('diagnosis.json', diagnosis))).profile.step).toEqual(step);
  const own = { ...profile, fingerprint: { ...profile.fingerprint, gpus: 2, accelerator, precision: null } };
  const both = await planOf(change, '--profile', file('own.json', own), '--profile', path);
  expect(both.profile.step.loaderS).toBe(1);
  expect(both.profile.times.stepS - both.profile.times.stallS).toBeCloseTo(0.75, 1);
});

test('a trial replaces a prior', async () => {
  const changed = file('trial.json', {
    ...profile,
    gpuBoundStepS: 0.5,
    spread: 0,
    fingerprint: { ...profile.fingerprint, precision: 'bf16' },
  });
  const plan = await planOf({}, '--profile', profilePath, '--trial', `mixed-precision=${changed}`);
  const precision = plan.techniques.find(({ name }) => name === 'mixed-precision');
  expect(precision?.priors[0]).toMatchObject({ kind: 'trial', p50: expect.closeTo(0.5 / 0.75, 6) });
});

test('Markdown shows the total, the page has the plan, and hostile names stay text', async () => {
  const hostile = { ...job, name: '<script>alert(1)</script> | x', drill: undefined };
  const path = file('hostile.json', hostile);
  const html = join(folder, 'plan.html');
  const markdown = await call(costPlan, path, '--profile', profilePath, '--markdown', '--html', html, '--draws', '500');
  expect(markdown).not.toContain('<script>alert');
  expect(markdown).toContain('702.64 USD');
  const { job: name, baseline } = JSON.parse(embeddedReport(readFileSync(html, 'utf8')).json);
  expect([name, baseline.costUsd.toFixed(2)]).toEqual([hostile.name, '702.64']);
  expect(markdown).toContain('\\| x');
  expect(await call(costPlan, path, '--profile', profilePath, '--draws', '500')).toContain('waterfall');
});

test('a result is put next to its plan: inside or outside, the assumption that failed, coverage over runs', async () => {
  const plan = await full();
  const planPath = file('plan.json', plan);
  const calibration = join(folder, 'calibration', 'all.jsonl');
  const verify = async (result: object) =>
    JSON.parse(await call(costVerify, planPath, file('result.json', result), '--calibration', calibration, '--json'));
  const { p50, p90 } = plan.total.costUsd;
  const inside = await verify({ version: 1, costUsd: p50, hours: plan.total.hours.p50 });
  expect(inside.comparisons.map(({ inside: is }: { inside: boolean }) => is)).toEqual([true, true]);
  expect([inside.failed, inside.coverage]).toEqual([null, { runs: 1, inside: 2, comparisons: 2, share: 1 }]);
  writeFileSync(calibration, `${readFileSync(calibration, 'utf8')}{"torn`);
  const outside = await verify({ version: 1, costUsd: p90 * 2, stepS: 2, usdPerNodeHour: 8.9 });
  expect(outside.failed).toContain('the step');
  expect(outside.coverage.inside).toBe(2);
  const run = { state: 'completed', ledger: { cost: p50, seconds: 3600 * plan.total.paidHours.p50, overhead: 1.4 } };
  expect(verifyPlan(plan, run, 0).comparisons.map(({ inside: is }) => is)).toEqual([true, true]);
  expect(() => verifyPlan(plan, { version: 1 }, 0)).toThrow(expect.objectContaining({ code: 'COST_VERIFY' }));
  expect(() => verifyPlan({}, { version: 1, hours: 1 }, 0)).toThrow(expect.objectContaining({ code: 'COST_VERIFY' }));
});

test('a job has defaults', () => {
  expect(parseJob({ version: 1, name: 'x', hours: 1, gpus: 8, accelerator: 'A100' })).toMatchObject({
    gpusPerNode: 8,
    compiled: false,
  });
});
