import { fail } from '../../base/errors/fail.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import { STREAM_GENERATION } from '../../features/engine/stream-engine.ts';
import { tileTable } from '../../features/plan/tile-table.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { HistoryEngine } from '../../ports/history-engine.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import { computedTileTables } from './computed-tile-tables.ts';
import { KeySlices } from './key-slices.ts';
import { type ComputedKey, mergedByKey } from './merged-keys.ts';
import { SortedFiles, sortInPlace } from './sorted-files.ts';
import { type Between, type TileTablesOptions, tileTables } from './tile-tables.ts';
import { type Sort, tilesByKey } from './tiles-by-key.ts';

export interface BackfillOptions {
  readonly layout: TileLayout;
  readonly offline: OfflineStore;
  /** The engine that computes; null: the offline store itself. */
  readonly engine: HistoryEngine | null;
  /** Tiles that end, with the source's lateness, before this instant of the log clock are closed. */
  readonly logClock: number;
  /** Only tiles within [from, to), epoch ms. */
  readonly between?: Between;
  /** Called with the engine's progress, in words. */
  readonly onProgress?: (text: string) => void;
  /** Ends it between two tiles with JOB_CANCELLED: those that were replaced are right, and the others stay as they are. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The closed tiles of a view, recomputed from the raw deliveries by SQL under the next generation: a tile that is
 * still open stays with the stream, which loses nothing. A batch has whole keys.
 */
export async function* backfillTiles(options: BackfillOptions): AsyncGenerator<readonly TileWrite[]> {
  const { layout, offline, engine, logClock, between = EVER, onProgress } = options;
  // A row of any age can be changed: no tile is ever closed.
  if (layout.view.source.changes !== undefined) throw fail('BACKFILL_CHANGES', { view: layout.view.name });
  // No event has come yet, so that no tile is closed.
  if (logClock === Number.NEGATIVE_INFINITY) return;
  const generation = (await newestGeneration(layout.view, offline)) + 1;
  const sort = sortInPlace(offline, engine === null ? await KeySlices.of(layout, offline) : KeySlices.whole);
  const keys = computedTiles({ layout, offline, engine, generation, closedAt: logClock, between, onProgress, sort });
  for await (const tiles of inBatches(keys, LOOK_EVERY)) {
    if (options.signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `backfill ${layout.view.name}` });
    yield tiles;
  }
}

/** Tiles between two looks whether the backfill was cancelled; events wait for the write of as many. */
const LOOK_EVERY = 10_000;

/** Tiles of a transaction where no event waits. */
const FILLED_AT_ONCE = 60_000;

/** A view whose tiles are all computed. */
export interface Fill {
  readonly layout: TileLayout;
  /** Whether the store has no other tiles of the view. */
  readonly areAll: boolean;
  /** The log clock: tiles that no window reaches from there on are left out. */
  readonly reachedFrom?: number;
}

/**
 * Every tile of views from the raw deliveries, as the stream would have written it: to be run while no event comes. The tiles of a key come
 * together, those of all views, so that a store is written from its beginning to its end. `scratch`: prefix of files that views are sorted in.
 */
export async function* allTiles(
  fills: readonly Fill[],
  offline: OfflineStore,
  engine: HistoryEngine | null,
  scratch?: string,
): AsyncGenerator<readonly TileWrite[]> {
  const of = { offline, engine, generation: STREAM_GENERATION, closedAt: Number.POSITIVE_INFINITY, between: EVER };
  if (engine !== null) {
    // Another engine gives slices of the keys, each in order.
    const sort = sortInPlace(offline, KeySlices.whole);
    for (const fill of fills) yield* inBatches(computedTiles({ ...of, ...fill, sort }), FILLED_AT_ONCE);
    return;
  }
  const files = scratch === undefined ? null : new SortedFiles(offline, scratch);
  try {
    const streams: AsyncIterable<ComputedKey>[] = [];
    for (const fill of fills) {
      const slices = await KeySlices.of(fill.layout, offline);
      const sort = files === null ? sortInPlace(offline, slices) : files.by(slices);
      streams.push(computedTiles({ ...of, ...fill, sort }));
    }
    yield* inBatches(mergedByKey(streams), FILLED_AT_ONCE);
  } finally {
    files?.remove();
  }
}

interface ComputedTilesOptions extends TileTablesOptions {
  readonly engine: HistoryEngine | null;
  readonly areAll?: boolean;
  readonly sort: Sort;
}

/** The tiles of a view, one key after the other. */
async function* computedTiles(options: ComputedTilesOptions): AsyncGenerator<ComputedKey> {
  const { layout, engine, generation, areAll = false, sort } = options;
  const computed = engine === null ? [tileTables(options)] : computedTileTables(engine, options);
  for await (const tables of computed)
    for await (const { key, runs } of tilesByKey(layout, generation, tables, sort)) yield { layout, key, runs, areAll };
}

async function* inBatches(keys: AsyncIterable<ComputedKey>, most: number): AsyncGenerator<readonly TileWrite[]> {
  let writes: TileWrite[] = [];
  for await (const { layout, key, runs, areAll } of keys) {
    for (const [hop, run] of runs.entries())
      for (let index = 0; index < run.length; index += 1)
        writes.push({ layout, hopMs: layout.view.hopsMs[hop], key, run, index, ...(areAll ? { all: runs } : {}) });
    if (writes.length < most) continue;
    yield writes;
    writes = [];
  }
  yield writes;
}

const EVER: Between = { from: null, to: null };

async function newestGeneration(view: StreamViewData, offline: OfflineStore): Promise<number> {
  let newest = 0n;
  for (const hopMs of view.hopsMs) {
    for await (const [row] of offline.query(`SELECT MAX(version) FROM ${offline.relation(tileTable(view, hopMs))}`)) {
      const version = BigInt(typeof row?.[0] === 'bigint' || typeof row?.[0] === 'number' ? row[0] : 0);
      if (version > newest) newest = version;
    }
  }
  return Number(newest / 2n ** 40n);
}
