import { fail } from '../../base/errors/fail.ts';
import { START } from '../../features/tile/tile-layout.ts';
import type { UpsertOutcome } from '../../features/tile/upsert.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileBatch, TileTopics } from '../../ports/tile-topics.ts';
import { engineProgress, type KnownSource, type TileProgress } from './engine-progress.ts';
import { placeInTopics } from './place-in-topics.ts';

/** The engine is asked how far it has the log this often at most, ms. */
const ASK_EVERY_MS = 200;

export interface TileIntakeOptions {
  readonly topics: TileTopics;
  readonly log: EventLog;
  /** Puts a tile, whose key is at hand, where the tiles go. */
  readonly upsert: (tile: TileWrite) => UpsertOutcome;
}

/** How the tiles of another engine come. */
export type TileHealth = Pick<TileIntake, 'outcomes' | 'conflicts' | 'progress'>;

const NOTHING_KNOWN: TileProgress = { freshUntil: Number.NEGATIVE_INFINITY, clocks: new Map(), done: new Map() };

/**
 * Takes the tiles that another engine writes to topics to their store, by the versioned upsert: a tile that comes
 * twice, or from before a failure, changes nothing. A conflict, as many events but other ones, is counted. It is
 * remembered until a newer or an equal tile settles it: conflicts are expected after a failure of an engine until it
 * has caught up.
 */
export class TileIntake {
  readonly outcomes: Record<UpsertOutcome, number> = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  progress = NOTHING_KNOWN;
  /** Whether the topics begin behind where the store stood. */
  missedTiles = false;
  readonly #options: TileIntakeOptions;
  #next: Position = {};
  #ahead: TileBatch | null = null;
  /** The engine's last statement before the next batch was read. */
  #saidBefore: TileProgress | null = null;
  /** The engine's last statement; it covers the tiles once the topics were read to their ends after it. */
  #said: TileProgress | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  readonly #unsettled = new Map<string, Conflict>();

  constructor(options: TileIntakeOptions) {
    this.#options = options;
  }

  /** Goes to a store's position; null: to the begin of the topics. Error: STORE_AHEAD. */
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

  /** The tiles to take next; null at the ends, after it has waited up to `waitMs` for more. */
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

  #upsert(tile: TileWrite, now: number): UpsertOutcome {
    const { layout, hopMs, key, run, index } = tile;
    const outcome = this.#options.upsert(tile);
    this.outcomes[outcome] += 1;
    if (outcome === 'stale' || (outcome !== 'conflict' && this.#unsettled.size === 0)) return outcome;
    const start = run.nums[index * layout.numbers + START];
    const id = `${layout.viewId}\0${hopMs}\0${start}\0${key}`;
    if (outcome !== 'conflict') this.#unsettled.delete(id);
    else if (!this.#unsettled.has(id)) this.#unsettled.set(id, { view: layout.view.name, at: now });
    return outcome;
  }

  /** Asks the engine how far it has the log that this process has judged, of which `followedUntil` nothing is missing. */
  async ask(judged: readonly KnownSource[], followedUntil: number): Promise<void> {
    const now = performance.now();
    if (now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    const ends = judged.map(({ source, next, lastIngestTs }) => ({
      source,
      next: [...next],
      lastIngestTs: [...lastIngestTs],
    }));
    const { log, topics } = this.#options;
    this.#said = await engineProgress(log, topics.engine, ends, followedUntil);
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
