import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { medianOf } from '../../src/base/median.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { drawPrior, rangeOf } from '../../src/cost/plan/draw.ts';
import { loaderOverlapOf, noWaits, type StepFacts, stepTimes } from '../../src/cost/plan/step-model.ts';
import { adapterText } from '../../src/cost/profile/adapter-text.ts';
import { type MeasureOptions, measureJob } from '../../src/cost/profile/measure-job.ts';
import type { MeasuredProfile } from '../../src/cost/profile/measured-profile.ts';
import { a100MixedPrecision } from '../../src/cost/techniques/priors.ts';
import { root } from '../run-command.ts';
import { cached } from '../services/service.ts';
import { torch } from '../services/torch.ts';
import { versions } from '../services/versions.ts';

/**
 * Predicts the step of changed torch jobs on this CPU from the profile of the job of today, and measures them: the loader, accumulation
 * and batch vary, and autocast to BF16. Today's job and the changed ones take turns in rounds, so that other load meets all of them.
 * Prints a table; `npm run example scripts/cost/torch-predictions.ts`.
 */
const folder = mkdtempSync(join(tmpdir(), 'headrace-predictions-'));

interface Variant {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly accumulation: number;
  /** Only the loader and the accumulation change: the point itself is held to 10 %. */
  readonly exact: boolean;
  readonly change: (step: StepFacts, draw: () => number) => StepFacts;
}

const pauses = { before: 0.02, after: 0.005 };
const faster = (step: StepFacts): StepFacts => ({ ...step, loaderS: step.loaderS - (pauses.before - pauses.after) });
const accumulated =
  (k: number) =>
  (step: StepFacts): StepFacts => ({ ...step, accumulation: step.accumulation * k });
const larger =
  (times: number, efficiency: number) =>
  (step: StepFacts): StepFacts => ({
    ...step,
    tensorS: (step.tensorS * times) / efficiency,
    loaderS: step.loaderS,
    microBatch: step.microBatch * times,
  });
const amp = (step: StepFacts, draw: () => number): StepFacts => ({ ...step, tensorS: step.tensorS / draw() });

const variants: readonly Variant[] = [
  { name: 'loader', env: { JOB_PAUSE: '0.005' }, accumulation: 1, exact: true, change: faster },
  { name: 'k = 2', env: { JOB_K: '2' }, accumulation: 2, exact: true, change: accumulated(2) },
  { name: 'k = 4', env: { JOB_K: '4' }, accumulation: 4, exact: true, change: accumulated(4) },
  {
    name: 'loader, k = 2',
    env: { JOB_PAUSE: '0.005', JOB_K: '2' },
    accumulation: 2,
    exact: true,
    change: (step) => accumulated(2)(faster(step)),
  },
  {
    name: 'loader, k = 4',
    env: { JOB_PAUSE: '0.005', JOB_K: '4' },
    accumulation: 4,
    exact: true,
    change: (step) => accumulated(4)(faster(step)),
  },
  {
    name: 'batch × 2',
    env: { JOB_BATCH: '128' },
    accumulation: 1,
    exact: false,
    change: (step) => larger(2, 1.1)(step),
  },
  {
    name: 'batch × 2, loader',
    env: { JOB_BATCH: '128', JOB_PAUSE: '0.005' },
    accumulation: 1,
    exact: false,
    change: (step) => larger(2, 1.1)(faster(step)),
  },
  { name: 'BF16', env: { JOB_AMP: '1' }, accumulation: 1, exact: false, change: amp },
  {
    name: 'BF16, loader',
    env: { JOB_AMP: '1', JOB_PAUSE: '0.005' },
    accumulation: 1,
    exact: false,
    change: (step, draw) => amp(faster(step), draw),
  },
  {
    name: 'BF16, k = 2',
    env: { JOB_AMP: '1', JOB_K: '2' },
    accumulation: 2,
    exact: false,
    change: (step, draw) => amp(accumulated(2)(step), draw),
  },
];

try {
  writeFileSync(join(folder, 'headrace_profile.py'), adapterText);
  const interpreter = await torchInterpreter();
  const job = (env: Readonly<Record<string, string>>, accumulation: number): MeasureOptions => ({
    command: [
      'env',
      `PYTHONPATH=${interpreter.path}${folder}`,
      ...interpreter.variables,
      ...Object.entries({ JOB_PAUSE: String(pauses.before), ...env }).map((entry) => entry.join('=')),
      interpreter.python,
      `${root}/test/services/torch-job.py`,
    ],
    steps: Number(process.env['HEADRACE_STEPS'] ?? '40'),
    warm: 5,
    accumulation,
    facts: { model: null, gpus: 1, accelerator: null, precision: 'fp32', revision: null, command: null, files: null },
    mostRounds: 1,
    trace: null,
    limitMs: 600_000,
    nowMs: Date.now(),
    progress: () => {},
    stopped: new Promise(() => {}),
  });
  const rounds = Number(process.env['HEADRACE_ROUNDS'] ?? '5');
  const today: MeasuredProfile[] = [];
  const steps = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    today.push(await measureJob(job({}, 1)));
    for (const { name, env, accumulation } of variants)
      steps.set(name, [...(steps.get(name) ?? []), (await measureJob(job(env, accumulation))).stepS]);
    console.error(`round ${round + 1} of ${rounds}, load ${loadavg()[0]?.toFixed(1)}`);
  }
  const [first] = today;
  if (first === undefined) throw new Error('HEADRACE_ROUNDS is 1 or more');
  const over = (value: (one: MeasuredProfile) => number) => medianOf(today.map(value));
  const real = today.map(({ stepS }) => stepS);
  const spread = (Math.max(...real) - Math.min(...real)) / medianOf(real);
  const step = stepOf({
    ...first,
    stepS: medianOf(real),
    gpuBoundStepS: over((one) => one.gpuBoundStepS),
    loaderS: over((one) => one.loaderS),
  });
  console.log(
    `today: ${(1000 * medianOf(real)).toFixed(1)} ms, spread ${(100 * spread).toFixed(0)} % over ${rounds} rounds\n`,
  );
  console.log('| change | measured step | predicted p10 / p50 / p90 | inside | point error |\n|---|---|---|---|---|');
  let [inside, exact, exactGood] = [0, 0, 0];
  for (const { name, exact: isExact, change } of variants) {
    const measured = medianOf(steps.get(name) ?? []);
    const range = predicted({ step, todayS: medianOf(real), spread }, change);
    const error = range.p50 / measured - 1;
    const isInside = measured >= range.p10 && measured <= range.p90;
    inside += isInside ? 1 : 0;
    exact += isExact ? 1 : 0;
    exactGood += isExact && Math.abs(error) <= 0.1 ? 1 : 0;
    const ms = (seconds: number) => (1000 * seconds).toFixed(1);
    console.log(
      `| ${name} | ${ms(measured)} ms | ${[range.p10, range.p50, range.p90].map(ms).join(' / ')} | ${isInside ? 'yes' : 'no'} | ${(100 * error).toFixed(1)} % |`,
    );
  }
  console.log(
    `inside ${inside} of ${variants.length}; where only loader and accumulation change, ${exactGood} of ${exact} points within 10 %`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * PyTorch 2 where `npm run test:torch2` has fetched it, otherwise Debian's. The latter multiplies FP32 matrices by the reference BLAS,
 * and BF16 ones by oneDNN, which are ten times as fast: no prior of an accelerator fits that.
 */
async function torchInterpreter() {
  const second = cached(`python-torch-${versions.torch2.version}`);
  if (existsSync(second)) return { python: join(second, 'bin/python'), path: '', variables: [] };
  const { TORCH_PYTHONPATH: path, TORCH_LIBRARIES: libraries } = await torch.up();
  return { python: '/usr/bin/python3', path: `${path}:`, variables: [`LD_LIBRARY_PATH=${libraries}`] };
}

/** All work of the CPU takes the place of kernels. */
function stepOf({ gpuBoundStepS, loaderS, stepS, microBatch }: MeasuredProfile): StepFacts {
  return {
    tensorS: gpuBoundStepS,
    memoryS: 0,
    otherS: 0,
    loaderS,
    loaderOverlap: loaderOverlapOf(loaderS, gpuBoundStepS, stepS),
    gapsS: 0,
    ...noWaits,
    allReduceS: 0,
    overlap: 0,
    backwardShare: 2 / 3,
    optimizerS: 0,
    accumulation: 1,
    microBatch: microBatch ?? 1,
    gpus: 1,
  };
}

/**
 * The range of the changed step: today's measured step over the gain of the model, as a plan applies it to today's bill. Draws of the
 * prior and of the measurement's spread, at least 5 %.
 */
function predicted(
  { step, todayS, spread }: { readonly step: StepFacts; readonly todayS: number; readonly spread: number },
  change: Variant['change'],
) {
  const random = seededRandom(1);
  const noise = { p10: 1 - Math.max(spread, 0.05), p50: 1, p90: 1 + Math.max(spread, 0.05) };
  const draws = Float64Array.from({ length: 4000 }, () => {
    const changed = change(step, () => drawPrior(a100MixedPrecision, random));
    return todayS * (stepTimes(changed).stepS / stepTimes(step).stepS) * drawPrior(noise, random);
  });
  return rangeOf(draws);
}
