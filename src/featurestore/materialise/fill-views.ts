import { SourceEngine } from '../../features/engine/stream-engine.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import { topicOf } from '../ingest/gateway.ts';
import { offsetsOf, readDeliveries } from './log-cursor.ts';
import { WRITER } from './materialiser.ts';
import { rememberIds } from './remember-ids.ts';
import { type KeyTiles, TileCache } from './tile-cache.ts';

export interface FillOptions {
  readonly log: EventLog;
  readonly store: OnlineStore;
  readonly layouts: readonly TileLayout[];
  readonly cacheKeys: number;
  /** Deliveries of a partition that are folded between two commits. */
  readonly step: number;
}

/**
 * Fills the tiles of layouts that the store does not have yet, a new view or another list of aggregates, from the log up
 * to where the materialiser stands, so that it goes on with them as with all others. Gives the layouts whose history
 * before the log is still to be filled (`markFilled` ends that). Resumes after a crash: each layout has a position of
 * its own, committed with its tiles, and a mark once the materialiser has it.
 */
export async function fillFromLog(options: FillOptions): Promise<readonly TileLayout[]> {
  const { store, layouts } = options;
  const applied = await store.position(WRITER);
  const unfilled: TileLayout[] = [];
  for (const layout of layouts) {
    if ((await store.position(filled(layout))) !== null) continue;
    if (applied === null) {
      await mark(store, joined(layout));
      await mark(store, filled(layout));
      continue;
    }
    if ((await store.position(joined(layout))) === null) {
      await fillLayout(options, layout, applied);
      await mark(store, joined(layout));
    }
    unfilled.push(layout);
  }
  return unfilled;
}

/** Notes that the history of a layout is complete. */
export async function markFilled(store: OnlineStore, layout: TileLayout): Promise<void> {
  await mark(store, filled(layout));
}

const filling = ({ viewId }: TileLayout): string => `filling ${viewId}`;
const joined = ({ viewId }: TileLayout): string => `joined ${viewId}`;
const filled = ({ viewId }: TileLayout): string => `filled ${viewId}`;

async function mark(store: OnlineStore, writer: string): Promise<void> {
  await store.writeTiles({ writer, position: {}, tiles: [] });
}

async function fillLayout(
  { log, store, cacheKeys, step }: FillOptions,
  layout: TileLayout,
  applied: Position,
): Promise<void> {
  const { source } = layout.view;
  const topic = topicOf(source);
  const begins = (await log.ends(topic)).map(({ begin }) => begin);
  const to = applied[topic] ?? begins;
  const next = offsetsOf(await store.position(filling(layout)), source, begins);
  const tiles = new TileCache(store, cacheKeys);
  const engine = new SourceEngine<KeyTiles>(source, [layout], {
    tilesOf: (of, key) => tiles.tilesOf(of, key),
    changed: (of, entry, hop, start) => tiles.markDirty(of, entry, hop, start),
  });
  await rememberIds(log, source, engine.admission, next);
  while (next.some((offset, partition) => offset < to[partition])) {
    const until = next.map((offset, partition) => Math.min(offset + step, to[partition]));
    const apply: Parameters<typeof readDeliveries>[3] = (partition, _, deliveries) => {
      for (const delivery of deliveries) engine.apply(delivery, partition);
    };
    await readDeliveries(log, source, [...next], apply, until);
    until.forEach((offset, partition) => {
      next[partition] = Math.max(next[partition], offset);
    });
    await store.writeTiles({ writer: filling(layout), position: { [topic]: [...next] }, tiles: tiles.drain() });
    tiles.sweep(Number.NEGATIVE_INFINITY);
  }
}
