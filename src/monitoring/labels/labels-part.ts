import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { LabelCounters } from './label-join.ts';

/** A model with predictions that wait for labels. */
export interface LabelledModel {
  readonly data: { readonly name: string };
  readonly labels: { readonly counters: LabelCounters };
  readonly history: { readonly waiting: number };
  /** Faults that keep predictions from the history, or labels from predictions. */
  degraded(): readonly string[];
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
        [...models()].flatMap(({ data, labels }) => samplesBy({ model: data.name }, 'outcome', { ...labels.counters })),
    },
  ],
  health: (models) => [...models()].flatMap((model) => model.degraded()),
  left: (models) =>
    [...models()].flatMap(({ data, history: { waiting } }) =>
      waiting === 0 ? [] : [`${waiting} predictions of ${data.name} that wait for the history`],
    ),
};
