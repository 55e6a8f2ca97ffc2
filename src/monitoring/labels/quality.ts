import type { LabelCounts } from '../../model/label-maturity.ts';

/** Members of every realised quality of a span of predictions: a pending label is in no other number. */
interface SpanQuality extends LabelCounts {
  /** Labelled among predictions: the share of the span that the other numbers cover. */
  readonly coverage: number;
}

/** The predictions of a span, and those of them whose label is assumed or will never come. */
export type SpanPredictions = Pick<LabelCounts, 'predictions' | 'assumed' | 'unlabelled'>;

/** The members of every quality, of a span with that many labelled predictions. */
export function spanQuality(span: SpanPredictions, labelled: number): SpanQuality {
  const { predictions, assumed, unlabelled } = span;
  const pending = predictions - labelled - unlabelled;
  return { predictions, labelled, assumed, pending, unlabelled, coverage: labelled / predictions };
}

/** The realised quality of a binary model. */
export interface BinaryQuality extends SpanQuality {
  readonly task: 'binary';
  readonly positives: number;
  /** Area under the ROC curve; null without both labels. Of very many labels it is that of bins of scores. */
  readonly auc: number | null;
  /** Mean log loss, nats. */
  readonly logLoss: number | null;
  /** The loss of always predicting the span's own share of true, nats: the loss that any model has to beat. */
  readonly baseLogLoss: number | null;
  /** Mean squared difference of score and label. */
  readonly brier: number | null;
}

/** The realised quality of a model that predicts a number; errors are in the label's unit. */
export interface RegressionQuality extends SpanQuality {
  readonly task: 'regression';
  /** Mean absolute error. */
  readonly mae: number | null;
  /** Root of the mean squared error. */
  readonly rmse: number | null;
  /** Share of the labels' variance that the predictions explain; null where the labels do not differ. */
  readonly r2: number | null;
  /** Mean pinball loss at the model's `quantile`; null where it declares none. */
  readonly pinball: number | null;
}

/** The realised quality of a span of predictions, by the model's task. */
export interface Qualities {
  readonly binary: BinaryQuality;
  readonly regression: RegressionQuality;
}

/** A task whose quality can be measured. */
export type Task = keyof Qualities;

/** Judged predictions of one version and day, in a form that merges. */
export interface Outcomes<T extends Task = Task> {
  /** Scores that are kept one by one, and all bytes, estimated. */
  readonly rows: number;
  readonly bytes: number;
  /** Gives up the scores for a form of bounded size; what needs a rank is then an estimate. */
  fold(): void;
  /** Adds a prediction and its label. */
  add(score: number, label: number): void;
  addAll(other: this): void;
  /** Quality of a span of predictions, of which these are the labelled ones. */
  quality(span: SpanPredictions): Qualities[T];
}
