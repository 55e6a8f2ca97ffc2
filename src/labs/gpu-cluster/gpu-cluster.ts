import type { Lab } from '../lab.ts';
import { allRanks } from './all-ranks.ts';
import { oneTrace } from './one-trace.ts';
import { takeApart } from './take-apart.ts';

/** The lab of a GPU cluster that is half used. */
export const gpuCluster: Lab = {
  id: 'gpu-cluster',
  title: 'A GPU cluster at 45 %',
  question:
    'Your company rents a GPU cluster. The dashboard says 45 % utilisation, and finance asks why. Which part of the other 55 % can you get back, by which change, and how do you know?',
  page: 'problems/gpu-cluster',
  steps: [takeApart, oneTrace, allRanks],
  answer: [
    {
      title: 'Requirements',
      lines: [
        'Lost GPU time is to be named by cause, with the change that brings it back, before money is spent on a change.',
        'The node was at {take-apart.utilisation}: {take-apart.allocated} held, {take-apart.nonIdle} of that in use, {take-apart.busy} busy then.',
      ],
    },
    {
      title: 'Design: the order of the questions',
      lines: [
        'Allocated, then in use, then busy: the smallest factor loses most. Here: {take-apart.decision}.',
        'Then one trace of the job that runs longest. Here: {one-trace.decision}.',
        'Then all ranks, if communication shows. Here: {all-ranks.decision}.',
      ],
    },
    {
      title: 'Trade-offs',
      lines: [
        'After the first change {take-apart.loss} of GPU time is still lost. The rest needs the next factor, not more of the same.',
        'The step went from {one-trace.step} to {one-trace.loss}; every other change left it where it was.',
        'A profiler costs time while it records, so it records some steps of one job, not all jobs all day.',
      ],
    },
    {
      title: 'Failure modes',
      lines: [
        'A busy GPU is no proof: in the traced step the GPU was busy for {one-trace.busy}, whatever the kernels did.',
        'One rank showed {all-ranks.seen} of the step as communication. Of the step, {all-ranks.late} was waiting for one late rank, {all-ranks.inTurn} for ranks in turn, and {all-ranks.wire} the wire.',
        'A trace without its warm-up, or cut to a window, cannot prove a step: it is refused.',
      ],
    },
    {
      title: 'Measures',
      lines: [
        'Before against after, same job: {one-trace.step} to {one-trace.loss} for one GPU, {all-ranks.step} to {all-ranks.loss} for all ranks.',
        'Keep the three factors as the series of the dashboard, next to the one number.',
      ],
    },
  ],
};
