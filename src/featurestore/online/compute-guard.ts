import { fail } from '../../base/errors/fail.ts';
import type { OnDemandViewData } from '../../features/define/declaration.ts';

/** Calls in a row beyond the budget after which the function rests. */
const OVERRUNS = 5;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

/** Stands for the answer of a function that rests and whose view gives null then. */
const SLOW = new Error('the on-demand view rests after calls beyond its latency budget');

/** Whether a function gave no answer because it rests. */
export function isSlow(error: unknown): boolean {
  return error === SLOW;
}

/** Sees every call of a guarded function: how long it took, or that it was not made. */
export type ComputeSeen = (outcome: 'ran' | 'rested', ms: number) => void;

/**
 * The function of an on-demand view with a latency budget, as it is called while serving. Nothing can interrupt a
 * synchronous function: a call beyond the budget is answered, and counted. After five of them in a row the function rests, as a
 * circuit breaker does: for a second its features are null or the read fails, as declared, then one call is tried; if that
 * is beyond the budget too, the rest doubles, to a minute. `now` is a monotonic clock, ms.
 */
export function guardCompute(
  view: OnDemandViewData,
  now: () => number,
  seen: ComputeSeen,
): OnDemandViewData['compute'] {
  const { latency, compute } = view;
  if (latency === undefined) return compute;
  const { withinMs, otherwise } = latency;
  let overruns = 0;
  let restMs = FIRST_REST_MS;
  let restsUntil = Number.NEGATIVE_INFINITY;
  const ran = (started: number): void => {
    const ended = now();
    seen('ran', ended - started);
    if (ended - started <= withinMs) {
      overruns = 0;
      restMs = FIRST_REST_MS;
      return;
    }
    overruns += 1;
    if (overruns < OVERRUNS) return;
    restsUntil = ended + restMs;
    restMs = Math.min(2 * restMs, LONGEST_REST_MS);
  };
  return (inputs) => {
    const started = now();
    if (started < restsUntil) {
      seen('rested', 0);
      throw otherwise === 'fail' ? fail('REQUEST_LATENCY', { view: view.name, withinMs }) : SLOW;
    }
    try {
      return compute(inputs);
    } finally {
      ran(started);
    }
  };
}
