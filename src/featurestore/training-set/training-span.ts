import type { ModelData } from '../../features/define/declaration.ts';

/** The rows of a training set in [from, to), epoch ms: without `to` until labels have had their time, without `from` the model's window. */
export function trainingSpan(
  { label, train }: ModelData,
  { from, to }: { readonly from?: number; readonly to?: number },
  now: number,
): { readonly from: number | null; readonly to: number } {
  const end = to ?? now - label.withinMs;
  return { from: from ?? (train.windowMs === null ? null : end - train.windowMs), to: end };
}
