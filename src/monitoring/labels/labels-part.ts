import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { LabelCounters } from './label-join.ts';

/** A model and the counts of its predictions and labels. */
export interface LabelledModel {
  readonly data: { readonly name: string };
  readonly counters: LabelCounters;
  /** Ids that wait for a label, or are remembered so that a second one is seen. */
  readonly ids: { readonly known: number; readonly stored: number };
}

/** Predictions and their labels, by model. */
export const labelsPart: PartKind<() => Iterable<LabelledModel>, object> = {
  name: 'labels',
  figures: [
    {
      name: 'headrace_predictions',
      type: 'gauge',
      unit: 'predictions',
      labels: ['model', 'outcome'],
      help: 'Predictions and labels by outcome: since the start, and before it as far back as a label could still come',
      read: (models) =>
        [...models()].flatMap(({ data, counters }) => samplesBy({ model: data.name }, 'outcome', { ...counters })),
    },
    {
      name: 'headrace_label_ids',
      type: 'gauge',
      unit: 'ids',
      labels: ['model', 'place'],
      help: 'Ids that the label join remembers until no label can come: in memory, or on the disk beyond its share of memory',
      read: (models) =>
        [...models()].flatMap(({ data, ids: { known, stored } }) =>
          samplesBy({ model: data.name }, 'place', { memory: known - stored, disk: stored }),
        ),
    },
  ],
};
