import { type DurationText, parseDuration } from '../../base/time.ts';
import type { LateChoice, LatencyBudget } from './declaration.ts';

/** The latency budget of a view, as it is written. */
export interface LatencyOptions<C extends LateChoice> {
  /** Longest time that a read waits for the view. */
  readonly within: DurationText;
  /** The answer for the view's features in that case: an error, null, or the last known value. */
  readonly otherwise: C;
}

/** The member `latency` of a view's data, where one is declared. Error: WINDOW_TEXT. */
export function latencyBudget<C extends LateChoice>(
  view: string,
  options: LatencyOptions<C> | undefined,
): { readonly latency?: LatencyBudget<C> } {
  if (options === undefined) return {};
  const { within, otherwise } = options;
  return { latency: { withinMs: parseDuration(within, `the latency of view ${view}`), otherwise } };
}
