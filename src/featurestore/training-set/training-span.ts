import type { ModelData } from '../../features/define/declaration.ts';
import { settledBefore } from '../../model/label-maturity.ts';
import { readSpan } from '../../schema/instant.ts';

/** The rows of a training set in [from, to), epoch ms: without `to` until labels have had their time, without `from` the model's window. Errors: INSTANT_*. */
export function trainingSpan(
  { label, train }: ModelData,
  { from, to }: { readonly from?: number; readonly to?: number },
  now: number,
): { readonly from: number | null; readonly to: number } {
  readSpan({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, now, 'the training set');
  const end = to ?? settledBefore(label, now);
  return { from: from ?? (train.windowMs === null ? null : end - train.windowMs), to: end };
}
