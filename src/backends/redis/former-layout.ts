import { anchorTags } from './anchors.ts';
import type { RedisLink } from './redis-link.ts';
import { placeOf, type StoreKeys } from './store-keys.ts';

/**
 * The layout before had a hash of tiles and a string of windows for each key of each view, and anchors of another name. A store
 * that still has it is empty in this layout: the tiles are written again from the log and the history, as after a loss.
 * For its readers nothing is whole from then on.
 */
export async function leaveFormerLayout(link: RedisLink, keys: StoreKeys): Promise<boolean> {
  const left = anchorTags(link).map(async (tag) => {
    const anchor = keys.formerAnchor(tag);
    if (Number(await link.sendUnlimited(anchor, ['EXISTS', anchor.key])) === 0) return false;
    await link.sendUnlimited(anchor, ['HSET', anchor.key, 'run', '', 'own', '']);
    return true;
  });
  return (await link.within(Promise.all(left))).includes(true);
}

/** Removes the rest of it, its anchors last: a removal that is cut short continues when the store is opened again. */
export async function removeFormerLayout(link: RedisLink, keys: StoreKeys, signal: AbortSignal): Promise<void> {
  for await (const found of link.scan(keys.formerKeys())) {
    if (signal.aborted) return;
    await removeAll(link, found);
  }
  await removeAll(
    link,
    anchorTags(link).map((tag) => keys.formerAnchor(tag).key),
  );
}

/** Removes keys. Errors: REDIS_*. */
export async function removeAll(link: RedisLink, keys: readonly string[]): Promise<void> {
  await link.within(Promise.all(keys.map((key) => link.sendUnlimited(placeOf(key), ['UNLINK', key]))));
}
