import type { ModelData } from '../features/define/declaration.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { SeenPairs } from '../ports/playbook-store.ts';
import type { Rollout } from '../ports/rollout-store.ts';
import { pairedInterval } from '../serving/rollout/compared-means.ts';
import { shadowPairs } from '../serving/rollout/shadow-pairs.ts';
import type { GroupSums } from '../stats/grouped-mean.ts';
import type { Moments } from '../stats/moments.ts';

/** Chance that a difference is called certain where there is none, over all looks. */
const PAIRED_ALPHA = 0.05;

/**
 * Losses of both versions on the requests that champion and shadow scored, from the published history: the difference on one
 * request has no noise of which request it was. Null: no request was scored by both.
 */
export async function pairedLosses(
  model: ModelData,
  history: OfflineStore,
  rollout: Pick<Rollout, 'id' | 'plan'>,
  now: number,
): Promise<SeenPairs | null> {
  const pairs = await shadowPairs(model, history, rollout, now);
  return pairs === null ? null : { requests: pairs.requests, ...intervalOf(pairs.difference, pairs.groups) };
}

/** The interval of the mean difference; without one as wide as numbers are. `groups`: as of {@link pairedInterval}. */
export function intervalOf(moments: Moments, groups: GroupSums = []): Omit<SeenPairs, 'requests'> {
  const { n, mean } = moments;
  const interval = pairedInterval(moments, groups, PAIRED_ALPHA);
  return { labels: n, mean, ...(interval ?? { low: Number.MIN_SAFE_INTEGER, high: Number.MAX_SAFE_INTEGER }) };
}
