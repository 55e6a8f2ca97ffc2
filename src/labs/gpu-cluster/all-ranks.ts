import { randomBelow } from '../../base/rng.ts';
import type { FaultKind } from '../captures/training-run.ts';
import { labStep } from '../lab.ts';
import { lostPercent, recordedJob, stepMs } from './recorded-job.ts';

/** The fault that each change removes. */
const removes = {
  node: 'straggler',
  batches: 'uneven',
  wire: 'exposed-communication',
} as const satisfies Readonly<Record<string, FaultKind>>;

const changes = Object.keys(removes) as readonly (keyof typeof removes)[];

const RANKS = 4;

/** A job of several ranks: communication in one trace is the wire, or somebody who is late. */
export const allRanks = labStep({
  id: 'all-ranks',
  title: 'Is it the wire, or somebody who is late?',
  asks: 'A job of several GPUs spends much of its step in all-reduce. The trace of one rank cannot say why: waiting is recorded as communication. Record all ranks, and choose the change.',
  act: {
    verb: 'Record all ranks',
    effect: 'Records six steps on every rank, joins the collectives, and records the job again after each change.',
  },
  figures: {
    step: { what: 'typical step of a rank', unit: 'ms' },
    seen: { what: 'share of the step that the trace of one rank shows as communication', unit: '%' },
    late: { what: 'share of the step spent waiting for one late rank', unit: '%' },
    inTurn: { what: 'share of the step spent waiting for another rank in each step', unit: '%' },
    wire: { what: 'share of the step on the wire that no computation hides', unit: '%' },
  },
  loss: { what: 'step after the change', unit: 'ms' },
  choices: {
    wire: {
      text: 'Overlap the reduction with the backward pass, or buy a faster network',
      shows: 'With communication that computation hides, the step takes {loss}; it took {step}.',
    },
    node: {
      text: 'Take the late node out, and look at its clocks and neighbours',
      shows: 'With a node as fast as the others, the step takes {loss}; it took {step}.',
    },
    batches: {
      text: 'Even out the batches: lengths in buckets, the same work for each rank',
      shows: 'With equal work for each rank, the step takes {loss}; it took {step}.',
    },
  },
  measure: async ({ folder, random, say }) => {
    const planted = removes[changes[randomBelow(random, changes.length)]];
    const job = { fault: planted, share: 0.3 + 0.15 * random(), ranks: RANKS, seed: randomBelow(random, 2 ** 31) };
    say('records six steps on every rank');
    const found = await recordedJob(folder, job);
    const [{ decomposition }] = found.traces;
    const after = async (change: keyof typeof removes) => {
      say(`records the job again after the change "${change}"`);
      return stepMs(await recordedJob(folder, removes[change] === planted ? { ...job, fault: 'none' } : job));
    };
    const isTurn = (title: string) => title.startsWith('the ranks wait for each other in turn');
    return {
      figures: {
        step: stepMs(found),
        seen: (100 * decomposition.exposedCommunicationUs) / decomposition.totalUs,
        late: lostPercent(found, ({ mechanism }) => mechanism === 'late-rank'),
        inTurn: lostPercent(found, ({ cause, title }) => cause === 'multi-gpu' && isTurn(title)),
        wire: lostPercent(
          found,
          ({ cause, mechanism, title }) => cause === 'multi-gpu' && mechanism === null && !isTurn(title),
        ),
      },
      losses: { wire: await after('wire'), node: await after('node'), batches: await after('batches') },
    };
  },
});
