import type { Lab } from '../lab.ts';
import { hotKey } from './hot-key.ts';
import { load } from './load.ts';
import { tiers } from './tiers.ts';

/** The lab of an online feature pipeline. */
export const onlineFeatures: Lab = {
  id: 'online-features',
  title: 'An online feature pipeline for 50,000 requests per second',
  question:
    'Design a feature pipeline that answers 50,000 vectors per second within 10 ms, with features that are seconds old, and with the same values in training. What do you build, and how many machines does it need?',
  page: 'problems/online-features',
  steps: [tiers, load, hotKey],
  answer: [
    {
      title: 'Requirements',
      lines: [
        '{load.rate}, each within {tiers.budget}, with the clicks of the last seconds in it.',
        'The same values in training: one writer of partial aggregates for the online store and for the history.',
      ],
    },
    {
      title: 'Design',
      lines: [
        'Computed by: {tiers.decision}. A read took {tiers.tileTime}.',
        'Asked by: {load.decision}. A core answers {load.perCore}.',
        'Kept: {hot-key.decision}.',
      ],
    },
    {
      title: 'Trade-offs',
      lines: [
        'Of {tiers.requests} vectors {tiers.loss} were wrong or late. A scan is always right, and took {tiers.scanTime}.',
        'The rate needs {load.loss} by this measurement. By single calls a vector takes {load.single}, of a page {load.paged}, and through a gateway {load.hop}.',
        'Memory next to every reader costs memory on every node; dividing keys costs the busiest node.',
      ],
    },
    {
      title: 'Failure modes',
      lines: [
        'A hot key: with {hot-key.hot} of requests for one key, the busiest of {hot-key.nodes} nodes got {hot-key.busiest}.',
        'Precomputed rows were {tiers.age} old when they were read: a job that is late makes them older, and nobody sees it.',
        'Late events change training and not serving, unless one rule counts them for both: audit a sample of vectors.',
      ],
    },
    {
      title: 'Measures',
      lines: [
        'Latency from the time that a request was due, freshness by view, and both budgets with their burn rate.',
        'The share of audited vectors that differ from the history; the share of requests at the busiest node.',
        'Processor time of a vector, since it is the size of the cluster: {load.loss} for {load.rate}.',
      ],
    },
  ],
};
