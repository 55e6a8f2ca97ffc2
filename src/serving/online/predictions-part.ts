import type { PartKind } from '../../observe/part-kind.ts';

/** A model whose predictions are logged. */
export interface PredictingModel {
  readonly data: { readonly name: string };
  readonly history: { readonly waiting: number };
  /** Faults that keep predictions from the history, or labels from predictions. */
  degraded(): readonly string[];
}

/** Predictions on their way from the log to the history. */
export const predictionsPart: PartKind<() => Iterable<PredictingModel>, object> = {
  name: 'predictions',
  figures: [],
  health: (models) => [...models()].flatMap((model) => model.degraded()),
  left: (models) =>
    [...models()].flatMap(({ data, history: { waiting } }) =>
      waiting === 0 ? [] : [`${waiting} predictions of ${data.name} that wait for the history`],
    ),
};
