import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, randomBelow, seededRandom } from '../../base/rng.ts';
import { makePlan } from '../../cost/plan/make-plan.ts';
import { type JobProfile, readProfile } from '../../cost/profile/read-profile.ts';
import { captureJson } from '../captures/capture.ts';
import { type FaultKind, trainingRun } from '../captures/training-run.ts';
import { labStep } from '../lab.ts';
import { billUsd, HOURS, job } from './job.ts';

/** The fault that each change removes. */
const removes = {
  loader: 'data-pipeline',
  graphs: 'launch-overhead',
  precision: 'precision',
} as const satisfies Readonly<Record<string, FaultKind>>;

const changes = Object.keys(removes) as readonly (keyof typeof removes)[];

const KERNELS = 80;
/** A student with a third of the layers of its teacher. */
const STUDENT_KERNELS = 27;

interface Recorded {
  readonly fault: FaultKind;
  readonly share: number;
  readonly kernels: number;
  readonly seed: number;
}

/** Records some steps of one rank of the job, and reads them as its profile. */
async function profiled(folder: string, { kernels, seed, ...fault }: Recorded): Promise<JobProfile> {
  const options = { ...fault, steps: 6, kernelsPerStep: kernels, kernelUs: 90, ranks: 1, random: seededRandom(seed) };
  const [capture] = trainingRun(options);
  const path = join(folder, 'rank-0.json');
  writeFileSync(path, captureJson({ ...capture, worldSize: job.gpus }));
  return readProfile([path], job);
}

function drawn(random: Random): Recorded & { readonly fault: (typeof removes)[keyof typeof removes] } {
  const fault = removes[changes[randomBelow(random, changes.length)]];
  return { fault, share: 0.3 + 0.2 * random(), kernels: KERNELS, seed: randomBelow(random, 2 ** 31) };
}

/** The lever comes from the profile of this job. */
export const profileFirst = labStep({
  id: 'profile-first',
  title: 'Profile the job before you choose a lever',
  asks: 'Four levers are proposed: data loading, as a blog post says; compilation; lower precision; and distillation, since another team runs a small model very cheaply. Profile the job, and choose the first.',
  act: {
    verb: 'Profile the job',
    effect: 'Records six steps of one rank, plans with the profile, and records the job again after each change.',
  },
  figures: {
    today: { what: 'bill of a run today', unit: 'USD' },
    step: { what: 'measured step', unit: 'ms' },
    loader: { what: 'share of the step that waits for the loader', unit: '%' },
    host: { what: 'share of the step that waits for the host', unit: '%' },
    kernels: { what: 'share of the step in kernels', unit: '%' },
    planned: { what: 'median bill of the plan', unit: 'USD' },
    plannedLeast: { what: 'tenth percentile of the plan', unit: 'USD' },
    plannedMost: { what: 'ninetieth percentile of the plan', unit: 'USD' },
  },
  loss: { what: 'bill of a run after the change', unit: 'USD' },
  choices: {
    loader: {
      text: 'Data loading: more workers, another format, a cache',
      shows:
        'With a loader that is never late a run costs {loss}; today it costs {today}, and {loader} of the step waits for the loader.',
    },
    graphs: {
      text: 'Compilation and CUDA graphs: fewer launches',
      shows:
        'With launches that are never late a run costs {loss}; today it costs {today}, and {host} of the step waits for the host.',
    },
    precision: {
      text: 'Mixed precision, so that Tensor Cores compute',
      shows: 'With products in half precision a run costs {loss}; today it costs {today}.',
    },
    distil: {
      text: 'Train a small model by distillation instead',
      shows:
        'The teacher is trained first, and then the student: {loss} in all, against {today}. It pays for inference, not for this bill.',
    },
  },
  measure: async ({ folder, random, say }) => {
    const recorded = drawn(random);
    say('records six steps of the job');
    const profile = await profiled(folder, recorded);
    const { measuredStepS: stepS, step } = profile;
    const plan = makePlan({
      ...{ job, profile, offers: [], traces: [], traceCaveats: [], trials: new Map(), otherHardware: null },
      prices: { digest: null, ageDays: null, source: 'the job of the lab' },
      draws: 2_000,
      seed: recorded.seed,
    });
    const billAfter = async (after: Recorded, text: string) => {
      say(`records the job again, ${text}`);
      return billUsd(HOURS * ((await profiled(folder, after)).measuredStepS / stepS));
    };
    const changed = (change: keyof typeof removes): Promise<number> =>
      billAfter(
        removes[change] === recorded.fault ? { ...recorded, fault: 'none' } : recorded,
        `after the change "${change}"`,
      );
    const percent = (seconds: number) => (100 * seconds * step.accumulation) / stepS;
    const { p10, p50, p90 } = plan.total.costUsd;
    return {
      figures: {
        today: plan.baseline.costUsd,
        step: 1_000 * stepS,
        loader: (100 * plan.profile.times.stallS) / stepS,
        host: percent(step.gapsS + step.syncS),
        kernels: percent(step.tensorS + step.memoryS + step.otherS),
        ...{ planned: p50, plannedLeast: p10, plannedMost: p90 },
      },
      losses: {
        loader: await changed('loader'),
        graphs: await changed('graphs'),
        precision: await changed('precision'),
        distil: plan.baseline.costUsd + (await billAfter({ ...recorded, kernels: STUDENT_KERNELS }, 'as its student')),
      },
    };
  },
});
