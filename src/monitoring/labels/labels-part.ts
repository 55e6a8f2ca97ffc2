import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { LabelCounters } from './label-join.ts';

/** Predictions and their labels, by model. */
export const labelsPart: PartKind<() => Iterable<readonly [model: string, LabelCounters]>, object> = {
  name: 'labels',
  figures: [
    {
      name: 'headrace_predictions',
      type: 'gauge',
      unit: 'predictions',
      labels: ['model', 'outcome'],
      help: 'Predictions and labels since the start, by what became of them',
      read: (labels) => [...labels()].flatMap(([model, counters]) => samplesBy({ model }, 'outcome', { ...counters })),
    },
  ],
};
