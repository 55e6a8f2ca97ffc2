import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { BatchViewData, LateChoice } from '../../features/define/declaration.ts';
import type { BatchAnswer, BatchRead, OnlineStore } from '../../ports/online-store.ts';
import { within } from './within.ts';

/**
 * Reads the batch values of a request; `late`: not within the view's budget, and the view's declaration says which
 * value replaces it.
 */
export type BatchReads = (reads: readonly BatchRead[]) => MaybePromise<readonly (BatchAnswer | 'late' | null)[]>;

/** Sees every view that had not answered within its budget. */
export type LateSeen = (viewId: string, choice: LateChoice) => void;

/** Keys per view whose last answer is kept for `lastKnown`. */
const KEPT_KEYS = 10_000;

/**
 * Reads of a store that answers later, each view within its declared budget. A request waits until all have answered or the longest budget
 * of its views is over (without end, where one has none); a view that has not answered by then is given what it declares: the read
 * fails, null, or its last answer, whose age tells how old that is. A store that answers at once is left as it is: nothing can interrupt its
 * reads. Errors: REQUEST_LATENCY.
 */
export function budgetedReads(
  store: Pick<OnlineStore, 'readBatch'>,
  views: readonly BatchViewData[],
  seen: LateSeen,
): BatchReads {
  const budgeted = new Map(
    views.flatMap((view) => (view.latency === undefined ? [] : [[`${view.name}@${view.version}`, view.latency]])),
  );
  if (budgeted.size === 0) return (reads) => store.readBatch(reads);
  const known = new LastKnown();
  const lateAnswer = ({ viewId, key }: BatchRead): BatchAnswer | 'late' => {
    const { withinMs = 0, otherwise = 'null' } = budgeted.get(viewId) ?? {};
    seen(viewId, otherwise);
    if (otherwise === 'fail') throw fail('REQUEST_LATENCY', { view: viewId, withinMs });
    return (otherwise === 'lastKnown' ? known.get(viewId, key) : undefined) ?? 'late';
  };
  return (reads) => {
    const answers = store.readBatch(reads);
    if (!(answers instanceof Promise)) return answers;
    const noted = answers.then((all) => {
      reads.forEach(({ viewId, key }, i) => {
        if (budgeted.get(viewId)?.otherwise === 'lastKnown') known.set(viewId, key, all[i]);
      });
      return all;
    });
    const waitMs = Math.max(...reads.map(({ viewId }) => budgeted.get(viewId)?.withinMs ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(waitMs) ? within(noted, waitMs, () => reads.map(lateAnswer)) : noted;
  };
}

/** The last answers of the newest keys, in two generations, so that old keys leave. */
class LastKnown {
  #new = new Map<string, BatchAnswer>();
  #old = new Map<string, BatchAnswer>();

  get(viewId: string, key: string): BatchAnswer | undefined {
    const name = `${viewId} ${key}`;
    return this.#new.get(name) ?? this.#old.get(name);
  }

  set(viewId: string, key: string, answer: BatchAnswer | null): void {
    if (answer === null) return;
    this.#new.set(`${viewId} ${key}`, answer);
    if (this.#new.size < KEPT_KEYS) return;
    this.#old = this.#new;
    this.#new = new Map();
  }
}
