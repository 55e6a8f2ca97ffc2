import { randomBelow } from '../../base/rng.ts';
import type { FaultKind } from '../captures/training-run.ts';
import { labStep } from '../lab.ts';
import { lostPercent, recordedJob, stepMs } from './recorded-job.ts';

/** The fault that each change removes. */
const removes = {
  loader: 'data-pipeline',
  graphs: 'launch-overhead',
  readBack: 'hidden-sync',
  pinned: 'transfer',
  precision: 'precision',
} as const satisfies Readonly<Record<string, FaultKind>>;

const changes = Object.keys(removes) as readonly (keyof typeof removes)[];

/** One trace of the slowest job, before anything is changed. */
export const oneTrace = labStep({
  id: 'one-trace',
  title: 'Record one trace before you change anything',
  asks: 'One job runs all day, and its step is slow. The team wants more loader workers, because that helped elsewhere. Record some steps, and choose the change.',
  act: {
    verb: 'Record a trace',
    effect:
      'Records six steps of the job with the profiler, diagnoses them, and records the job again after each change.',
  },
  figures: {
    step: { what: 'typical step', unit: 'ms' },
    busy: { what: 'share of the step in which the GPU is busy', unit: '%' },
    loader: { what: 'share of the step lost to the loader', unit: '%' },
    launches: { what: 'share of the step lost to late launches', unit: '%' },
    readBacks: { what: 'share of the step lost to results that are read back', unit: '%' },
    copies: { what: 'share of the step in copies that nothing hides', unit: '%' },
    single: { what: 'share of the step lost to single precision', unit: '%' },
  },
  loss: { what: 'step after the change', unit: 'ms' },
  choices: {
    loader: {
      text: 'More loader workers, and prefetch',
      shows: 'With a loader that is never late, the step takes {loss}; it took {step}.',
    },
    graphs: {
      text: 'Compile, or CUDA graphs: fewer launches',
      shows: 'With launches that are never late, the step takes {loss}; it took {step}.',
    },
    readBack: {
      text: 'Read results back after the step, not in it',
      shows: 'Without read-backs in the step, it takes {loss}; it took {step}.',
    },
    pinned: {
      text: 'Pinned memory and copies that do not block',
      shows: 'With copies from pinned memory, the step takes {loss}; it took {step}.',
    },
    precision: {
      text: 'Mixed precision, so that Tensor Cores compute',
      shows: 'With products in half precision, the step takes {loss}; it took {step}.',
    },
  },
  measure: async ({ folder, random, say }) => {
    const planted = removes[changes[randomBelow(random, changes.length)]];
    const job = { fault: planted, share: 0.3 + 0.2 * random(), ranks: 1, seed: randomBelow(random, 2 ** 31) };
    say('records six steps');
    const found = await recordedJob(folder, job);
    const [{ decomposition }] = found.traces;
    const after = async (change: keyof typeof removes) => {
      say(`records the job again after the change "${change}"`);
      return stepMs(await recordedJob(folder, removes[change] === planted ? { ...job, fault: 'none' } : job));
    };
    return {
      figures: {
        step: stepMs(found),
        busy: (100 * decomposition.busyUs) / decomposition.totalUs,
        loader: lostPercent(found, ({ cause }) => cause === 'data-pipeline'),
        launches: lostPercent(found, ({ cause }) => cause === 'launch-overhead'),
        readBacks: lostPercent(found, ({ cause, mechanism }) => cause === 'hidden-sync' && mechanism !== 'copies'),
        copies: lostPercent(found, ({ mechanism }) => mechanism === 'copies'),
        single: lostPercent(found, ({ mechanism }) => mechanism === 'precision'),
      },
      losses: {
        loader: await after('loader'),
        graphs: await after('graphs'),
        readBack: await after('readBack'),
        pinned: await after('pinned'),
        precision: await after('precision'),
      },
    };
  },
});
