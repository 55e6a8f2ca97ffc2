/** Losses by which labels judge a version: the smaller the better. */
export type Loss = 'log_loss' | 'brier' | 'absolute_error' | 'squared_error' | 'pinball';

/** The task of a model, which decides its losses. */
export interface LossTask {
  readonly task: 'binary' | 'regression';
  readonly quantile: number | null;
}

/** The losses of a model, the default first. */
export function lossesOf({ task, quantile }: LossTask): readonly Loss[] {
  if (task === 'binary') return ['log_loss', 'brier'];
  return quantile === null ? ['absolute_error', 'squared_error'] : ['pinball', 'absolute_error', 'squared_error'];
}
