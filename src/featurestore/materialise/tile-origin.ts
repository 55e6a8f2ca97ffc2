import type { Clock } from '../../base/time.ts';
import { START } from '../../features/tile/tile-layout.ts';
import { type UpsertOutcome, upsertTile } from '../../features/tile/upsert.ts';
import { tileChanged } from '../../features/window/window-memo.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileBatch, TileTopics } from '../../ports/tile-topics.ts';
import type { NewestTiles } from './newest-tiles.ts';
import { type ReaderLag, readerLag } from './reader-lag.ts';
import type { TileCache } from './tile-cache.ts';
import { TileIntake } from './tile-intake.ts';
import { type Writer, writers } from './writer.ts';

/** The tiles of an engine elsewhere that other processes write to the online store: this one takes them for the history. */
export interface TilesApart {
  /** The position of the history in the topics; null: it has nothing of them. */
  readonly from: Position | null;
  readonly newest: NewestTiles;
  /** Tiles that may wait to be published; no more are taken until some have left. */
  readonly mostTiles: number;
}

/** Tiles are computed in this process from judged events. */
export interface OwnTiles {
  readonly kind: 'own';
  readonly writer: Writer;
  readonly intake: null;
}

/** Another engine computes the tiles; this process takes them from its topics and commits them. */
export interface EngineTiles {
  readonly kind: 'engine';
  readonly writer: Writer;
  readonly intake: TileIntake;
}

/** Another engine computes the tiles, and other processes commit them. */
export interface ApartTiles {
  readonly kind: 'apart';
  readonly writer: Writer;
  readonly intake: TileIntake;
  readonly apart: TilesApart;
}

/** Other processes make the tiles of the log and commit them; this one judges the log. */
export interface SharedTiles {
  readonly kind: 'shared';
  readonly writer: Writer;
  readonly intake: null;
}

/** Where the tiles of stream views come from. */
export type TileOrigin = OwnTiles | EngineTiles | ApartTiles | SharedTiles;

export interface TileOriginOptions {
  readonly log: EventLog;
  /** Absent: tiles are computed here. */
  readonly topics?: TileTopics | undefined;
  readonly apart?: TilesApart | undefined;
  /** Whether other processes make the tiles of the log. */
  readonly shared?: boolean | undefined;
}

/** The writer under whose name the position of the tiles stands in the online store. */
export function writerOf({ topics, shared = false }: TileOriginOptions): Writer {
  if (shared) return writers.shared;
  return topics === undefined ? writers.embedded : writers.topics;
}

/** The origin that the options ask for, with `tiles` as the memory from which tiles are committed. */
export function tileOrigin({ log, topics, apart, shared = false }: TileOriginOptions, tiles: TileCache): TileOrigin {
  if (shared) return { kind: 'shared', writer: writers.shared, intake: null };
  if (topics === undefined) return { kind: 'own', writer: writers.embedded, intake: null };
  const { topics: writer } = writers;
  if (apart === undefined)
    return { kind: 'engine', writer, intake: new TileIntake({ topics, log, upsert: upsertInto(tiles) }) };
  const intake = new TileIntake({ topics, log, upsert: (tile) => apart.newest.take(tile) });
  return { kind: 'apart', writer, intake, apart };
}

/** Goes to the store's position. Returns whether tiles are missing from the topics. Error: STORE_AHEAD. */
export async function openOrigin(origin: TileOrigin, position: Position | null, isRewind: boolean): Promise<boolean> {
  if (origin.intake === null) return false;
  if (origin.kind === 'engine') {
    await origin.intake.open(position);
    return origin.intake.missedTiles;
  }
  // A loss of the online store takes nothing from the history.
  if (!isRewind) await origin.intake.open(origin.apart.from);
  return false;
}

/** The part of a committed position that stands for tiles of another engine. */
export function committedTopics(origin: TileOrigin): Position {
  return origin.kind === 'engine' ? origin.intake.position : {};
}

/** Takes tiles that are for the history alone, as many as may wait to be published; whether all were taken. */
export async function takeForHistory(
  { intake, apart: { newest, mostTiles } }: ApartTiles,
  clock: Clock,
): Promise<boolean> {
  for (let batch = await intake.next(); batch !== null; batch = await intake.next()) {
    if (newest.size >= mostTiles) return false;
    intake.take(batch, clock());
    if (!batch.hasMore) break;
  }
  return true;
}

/** Takes batches of an engine up to the present end of its topics; `hold` resolves when the keys of a batch may be changed. */
export async function takeTiles(
  origin: TileOrigin,
  clock: Clock,
  hold: (tiles: TileBatch['tiles']) => Promise<void> | undefined,
  taken: (changed: number) => Promise<void>,
): Promise<void> {
  if (origin.kind !== 'engine') return;
  const { intake } = origin;
  for (let batch = await intake.next(); batch !== null; batch = await intake.next()) {
    const { tiles } = batch;
    for (let held = hold(tiles); held !== undefined; held = hold(tiles)) await held;
    await taken(intake.take(batch, clock()));
    if (!batch.hasMore) return;
  }
}

/** How far the readers of the tile topics are behind, by the last known ends. */
export function originLag(origin: TileOrigin, committed: Position): readonly ReaderLag[] {
  const { intake } = origin;
  if (intake === null) return [];
  return Object.entries(intake.knownEnds).flatMap(([topic, ends]) =>
    origin.kind === 'apart'
      ? [readerLag(topic, 'archived', ends, intake.position[topic])]
      : [
          readerLag(topic, 'applied', ends, intake.position[topic]),
          readerLag(topic, 'committed', ends, committed[topic]),
        ],
  );
}

/** The versioned upsert into tiles in memory, which a commit writes. */
function upsertInto(tiles: TileCache): (tile: TileWrite) => UpsertOutcome {
  return ({ layout, hopMs, key, run, index }) => {
    const entry = tiles.tilesToChange(layout, key);
    const hop = layout.view.hopsMs.indexOf(hopMs);
    const start = run.nums[index * layout.numbers + START];
    const outcome = upsertTile(layout, entry.runs[hop], run, index);
    if (outcome !== 'applied') return outcome;
    tiles.markDirty(layout, entry, hop, start);
    // The hops of a view come separately: a merged window of a smaller hop may lie after this tile.
    if (hop > 0) tileChanged(entry, start);
    return outcome;
  };
}
