import type { PartKind } from '../../observe/part-kind.ts';

/** Training sets that this process has written, or had written, and their joins that did not fit into the memory of the history. */
export interface WrittenSets {
  readonly written: number;
  readonly cuts: number;
}

/** Training sets: how many, and how often a join was cut because it did not fit. */
export const trainingSetsPart: PartKind<() => WrittenSets, object> = {
  name: 'training sets',
  figures: [
    {
      name: 'headrace_training_sets_total',
      type: 'counter',
      unit: 'sets',
      labels: [],
      help: 'Training sets that were written',
      read: (sets) => [[{}, sets().written]],
    },
    {
      name: 'headrace_training_set_cuts_total',
      type: 'counter',
      unit: 'joins',
      labels: [],
      help: 'Joins of training sets that did not fit into offline.memory and became two smaller ones: many make a set slow',
      read: (sets) => [[{}, sets().cuts]],
    },
  ],
};
