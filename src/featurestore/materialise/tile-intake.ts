import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { START } from '../../features/tile/tile-layout.ts';
import { type UpsertOutcome, upsertTile } from '../../features/tile/upsert.ts';
import { tileChanged } from '../../features/window/window-memo.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileBatch, TileTopics } from '../../ports/tile-topics.ts';
import { topicOf } from '../ingest/gateway.ts';
import { clockOf } from './log-clock.ts';
import { placeInTopics } from './place-in-topics.ts';
import type { TileCache } from './tile-cache.ts';

/** The engine is asked how far it has the log this often at most, ms. */
const ASK_EVERY_MS = 200;

export interface TileIntakeOptions {
  readonly topics: TileTopics;
  readonly log: EventLog;
  readonly tiles: TileCache;
}

/** How far this process has judged the log of a source. */
export interface JudgedSource {
  readonly source: EventSourceData;
  readonly next: readonly number[];
  readonly lastIngestTs: readonly number[];
}

/** Up to where the events are in the tiles. */
export interface TileProgress {
  /** What arrived before this instant is in the tiles, epoch ms. */
  readonly freshUntil: number;
  /** By source, an ingest time before which no event is missing in the tiles; -Infinity where that is not known. */
  readonly clocks: ReadonlyMap<string, number>;
  /** By source, the offsets up to which the engine has the log. */
  readonly done: ReadonlyMap<string, readonly number[]>;
}

const NOTHING_KNOWN: TileProgress = { freshUntil: Number.NEGATIVE_INFINITY, clocks: new Map(), done: new Map() };

/**
 * Takes the tiles that another engine writes to topics into the cache, by the versioned upsert: what comes twice, or from
 * before a failure, changes nothing. A conflict, as many events that are others, is counted, and remembered until a newer tile or an
 * equal one settles it: between the failure of an engine and its having caught up it is to be expected.
 */
export class TileIntake {
  readonly outcomes: Record<UpsertOutcome, number> = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  progress = NOTHING_KNOWN;
  /** Whether the topics begin behind where the store stood. */
  missedTiles = false;
  readonly #options: TileIntakeOptions;
  #next: Position = {};
  #ahead: TileBatch | null = null;
  /** What the engine had said before the batch ahead was read. */
  #saidBefore: TileProgress | null = null;
  /** What the engine said last; it holds of the tiles once the topics were read to their ends after it. */
  #said: TileProgress | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  readonly #unsettled = new Map<string, Conflict>();

  constructor(options: TileIntakeOptions) {
    this.#options = options;
  }

  /** Goes to where a store stands; null: to the begin of the topics. Error: STORE_AHEAD. */
  async open(position: Position | null): Promise<void> {
    const { begins, ends } = await this.#options.topics.ends();
    this.missedTiles = false;
    this.#ahead = null;
    this.#said = null;
    this.progress = NOTHING_KNOWN;
    this.#unsettled.clear();
    this.#next = placeInTopics(begins, position);
    for (const [source, offsets] of Object.entries(position ?? {}))
      for (const [partition, offset] of offsets.entries()) {
        const end = ends[source]?.[partition] ?? Number.POSITIVE_INFINITY;
        if (offset > end) throw fail('STORE_AHEAD', { source, position: offset, end });
        if (offset < (begins[source]?.[partition] ?? 0)) this.missedTiles = true;
      }
  }

  /** The next tiles to take, by topic and partition. */
  get position(): Position {
    return this.#next;
  }

  /** By source, the offsets up to which the engine had the log when it was last asked. */
  get engineStands(): ReadonlyMap<string, readonly number[]> {
    return (this.#said ?? this.progress).done;
  }

  /** Where the topics end, as last heard. */
  get knownEnds(): Position {
    return this.#options.topics.knownEnds();
  }

  /** Conflicts that nothing has settled although the engine has everything that came before them. */
  get conflicts(): readonly Conflict[] {
    return [...this.#unsettled.values()].filter(({ at }) => at < this.progress.freshUntil);
  }

  /** The tiles to take next; null at the ends, where it waits up to so many ms for more. */
  async next(waitMs = 0): Promise<TileBatch | null> {
    if (this.#ahead !== null) return this.#ahead;
    const from = this.#next;
    const said = this.#said;
    const batch = await this.#options.topics.read(from, waitMs);
    // Another read was faster, or the store went back.
    if (from !== this.#next) return this.next();
    if (batch.tiles.length === 0 && !batch.hasMore) {
      // Records without a tile would else be given at once again.
      if (isElsewhere(batch.next, from)) this.#next = batch.next;
      this.progress = said ?? this.progress;
      return null;
    }
    this.#ahead = batch;
    this.#saidBefore = said;
    return batch;
  }

  /** Takes the batch that `next` gave; its keys have to be at hand. Gives how many tiles changed. */
  take(batch: TileBatch, now: number): number {
    if (batch !== this.#ahead) return 0;
    this.#ahead = null;
    this.#next = batch.next;
    let applied = 0;
    for (const tile of batch.tiles) if (this.#upsert(tile, now) === 'applied') applied += 1;
    if (!batch.hasMore) this.progress = this.#saidBefore ?? this.progress;
    return applied;
  }

  #upsert({ layout, hopMs, key, run, index }: TileWrite, now: number): UpsertOutcome {
    const { tiles } = this.#options;
    const entry = tiles.tilesToChange(layout, key);
    const hop = layout.view.hopsMs.indexOf(hopMs);
    const start = run.nums[index * layout.numbers + START];
    const outcome = upsertTile(layout, entry.runs[hop], run, index);
    this.outcomes[outcome] += 1;
    if (outcome === 'applied') {
      tiles.markDirty(layout, entry, hop, start);
      // The hops of a view come apart: what was merged of a smaller one's tiles may lie behind this one.
      if (hop > 0) tileChanged(entry, start);
    }
    if (outcome === 'stale' || (outcome !== 'conflict' && this.#unsettled.size === 0)) return outcome;
    const id = `${layout.viewId}\0${hopMs}\0${start}\0${key}`;
    if (outcome !== 'conflict') this.#unsettled.delete(id);
    else if (!this.#unsettled.has(id)) this.#unsettled.set(id, { view: layout.view.name, at: now });
    return outcome;
  }

  /** Asks the engine how far it has the log that this process has judged, of which `followedUntil` nothing is missing. */
  async ask(judged: readonly JudgedSource[], followedUntil: number): Promise<void> {
    const now = performance.now();
    if (now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    const ends = judged.map(({ source, next, lastIngestTs }) => ({ source, next: [...next], last: [...lastIngestTs] }));
    let freshUntil = followedUntil;
    const clocks = new Map<string, number>();
    const done = new Map<string, readonly number[]>();
    for (const { source, next, last } of ends) {
      const committed = await this.#options.log.committed(this.#options.topics.engine, topicOf(source));
      const times = await Promise.all(
        next.map((end, partition) => this.#missingFrom(source, partition, committed?.[partition] ?? 0, end)),
      );
      freshUntil = Math.min(freshUntil, ...times);
      clocks.set(source.name, clockOf(last.map((time, partition) => Math.min(time, times[partition]))));
      if (committed !== null) done.set(source.name, committed);
    }
    this.#said = { freshUntil, clocks, done };
  }

  /** The ingest time of the first event that the engine may lack; Infinity where it lacks none before `end`. */
  async #missingFrom(source: EventSourceData, partition: number, done: number, end: number): Promise<number> {
    if (done >= end) return Number.POSITIVE_INFINITY;
    const { log } = this.#options;
    const topic = topicOf(source);
    try {
      const { records } = await log.read(topic, partition, done, 1);
      return records[0]?.ingestTs ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      if (!isHeadraceError(error, 'LOG_TRIMMED')) throw error;
      // It says nothing of a partition that has had nothing since the log was trimmed.
      return (await log.ends(topic))[partition].begin >= end ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    }
  }
}

/** Whether two positions of the same topics differ. */
function isElsewhere(one: Position, other: Position): boolean {
  return Object.entries(one).some(([topic, offsets]) => offsets.some((offset, p) => offset !== other[topic][p]));
}

/** A tile that the engine wrote with as many events as the one that is kept, and others. */
export interface Conflict {
  readonly view: string;
  /** When it was seen, epoch ms. */
  readonly at: number;
}
