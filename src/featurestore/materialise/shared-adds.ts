import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { SharedKeyRead, TileShares } from '../../ports/tile-shares.ts';
import { SharedFold } from './shared-fold.ts';
import { TileSink } from './tile-sink.ts';

export interface AddOptions {
  readonly shares: TileShares;
  readonly sources: readonly EventSourceData[];
  readonly layouts: readonly TileLayout[];
  readonly clock: Clock;
}

/**
 * Adds the accepted events of some shares to the tiles of their keys: keys are read, added to, and written. Those that another process
 * has written in between are read again. false: a share is not as this process left it, and some keys may lack the events.
 */
export async function addEvents(
  { shares, sources, layouts, clock }: AddOptions,
  judged: readonly JudgedDeliveries[],
  from: readonly number[],
): Promise<boolean> {
  const fold = new SharedFold();
  const sink = new TileSink(sources, layouts, fold);
  let events = judged;
  for (let keys = keysOf(sink, judged); keys.length > 0; ) {
    fold.begin(await shares.load(keys));
    for (const one of events) sink.take(one);
    const additions = fold.additions();
    if (additions.length === 0) return true;
    const left = await shares.add(additions, { shares: from, now: clock() });
    if (left === null) return false;
    keys = left.map(({ to: { layout, key } }) => ({ layout, key }));
    if (keys.length > 0) events = events.map((one) => ofKeys(sink, one, keys));
  }
  return true;
}

/** The keys that accepted deliveries change, each once. */
function keysOf(sink: TileSink, judged: readonly JudgedDeliveries[]): readonly SharedKeyRead[] {
  const found = new Map<TileLayout, Map<string, SharedKeyRead>>();
  for (const { source, deliveries, verdicts } of judged) {
    const accepted = deliveries.filter((_, i) => verdicts[i] === 'accepted');
    for (const { layout, key } of sink.keysOf(source, accepted)) {
      const ofView = found.get(layout) ?? new Map<string, SharedKeyRead>();
      found.set(layout, ofView.set(key, { layout, key }));
    }
  }
  return [...found.values()].flatMap((ofView) => [...ofView.values()]);
}

/** The same deliveries, of which only those of some keys are to be added. */
function ofKeys(sink: TileSink, one: JudgedDeliveries, keys: readonly SharedKeyRead[]): JudgedDeliveries {
  const wanted = new Map<TileLayout, Set<string>>();
  for (const { layout, key } of keys) wanted.set(layout, (wanted.get(layout) ?? new Set()).add(key));
  const touches = (i: number) =>
    sink.keysOf(one.source, [one.deliveries[i]]).some(({ layout, key }) => wanted.get(layout)?.has(key) === true);
  const verdicts = one.verdicts.map((verdict, i) => (verdict === 'accepted' && !touches(i) ? 'duplicate' : verdict));
  return { ...one, verdicts };
}
