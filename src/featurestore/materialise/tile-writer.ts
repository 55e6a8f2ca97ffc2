import { isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { Trouble } from '../../base/trouble.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { UpsertOutcome } from '../../features/tile/upsert.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { SharePlace } from '../../ports/tile-shares.ts';
import type { TileBatch, TileTopics, TopicEnds } from '../../ports/tile-topics.ts';
import { engineProgress, type TileProgress } from './engine-progress.ts';
import { NewestTiles } from './newest-tiles.ts';
import { ShareLoop, type ShareLoopOptions } from './share-loop.ts';

/** Longest time that is waited for tiles, ms. */
const WAIT_MS = 100;

/** The engine is asked how far it has the log this often at most, ms. */
const ASK_EVERY_MS = 200;

/** Without news the writer reports to the store, and looks at it, this often, ms. */
const TELL_EVERY_MS = 1_000;

export interface TileWriterOptions extends ShareLoopOptions {
  readonly topics: TileTopics;
  readonly log: EventLog;
  /** Those that have stream views; their topics are open. */
  readonly sources: readonly EventSourceData[];
  /** Of each topic of the log. */
  readonly partitions: number;
  readonly clock: Clock;
}

/**
 * One of many processes that write the tiles of an engine to a store. It reads its shares of the topics, and writes
 * their tiles by the versioned upsert. It keeps only the current batch: unwritten tiles are read again, by itself or by
 * the next owner of the share. A batch is read when the previous one is written, so that a slow store slows the
 * reading.
 */
export class TileWriter {
  readonly outcomes: Record<UpsertOutcome, number> = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  readonly #options: TileWriterOptions;
  readonly #loop: ShareLoop;
  #position: Record<string, number[]> = {};
  /** Whether the topics were read to their ends since it took a share. */
  #isWhole = false;
  /** The engine's last statement. */
  #said: TileProgress | null = null;
  #asking: Promise<void> | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #told: { readonly freshUntil: number | null; readonly isWhole: boolean; readonly at: number } | null = null;
  readonly #engineTrouble: Trouble;

  constructor(options: TileWriterOptions) {
    this.#options = options;
    this.#loop = new ShareLoop(options, {
      begin: (gained, places) => this.#begin(gained, places),
      next: (has) => this.#writeNext(has),
      has: () => {
        this.#told = null;
      },
    });
    this.#engineTrouble = this.#loop.newTrouble();
  }

  /** The shares that it has taken. */
  get shares(): readonly number[] {
    return this.#loop.shares;
  }

  /** Ends the writing and leaves its shares to the others. */
  async close(): Promise<void> {
    await this.#loop.close();
    await this.#asking;
  }

  async #begin(gained: readonly number[], places: ReadonlyMap<number, SharePlace | null>): Promise<readonly number[]> {
    const ends = await this.#options.topics.ends();
    for (const [topic, offsets] of Object.entries(ends.begins)) this.#position[topic] ??= [...offsets];
    for (const share of gained)
      for (const [topic, begins] of Object.entries(ends.begins)) {
        const at = places.get(share)?.[topic] ?? begins[share];
        this.#position[topic][share] = at > ends.ends[topic][share] ? begins[share] : Math.max(at, begins[share]);
      }
    this.#isWhole = false;
    // The topic has lost records, or is another of its name.
    return gained.filter((share) => !isWithin(places.get(share) ?? null, share, ends));
  }

  async #writeNext(has: readonly number[]): Promise<'written' | 'lost' | 'gone'> {
    this.#ask();
    const said = this.#said;
    const batch = await this.#read(has);
    if (batch === null) return 'gone';
    if (!batch.hasMore) this.#isWhole = true;
    const isKnown = said !== null && !batch.hasMore && Number.isFinite(said.freshUntil);
    const freshUntil = isKnown ? said.freshUntil : null;
    if (batch.tiles.length === 0 && !this.#isDue(freshUntil)) return this.#moveTo(batch);
    const newest = new NewestTiles();
    for (const tile of batch.tiles) newest.take(tile);
    const places = new Map(has.map((share) => [share, placeOf(batch, share)]));
    const { shares, clock } = this.#options;
    const isWhole = this.#isWhole;
    const report = await shares.write({ tiles: [...newest.writes()], places, freshUntil, now: clock(), isWhole });
    if (report === null) return 'lost';
    for (const outcome of ['applied', 'duplicate', 'stale', 'conflict'] as const)
      this.outcomes[outcome] += report[outcome];
    this.#told = { freshUntil, isWhole, at: performance.now() };
    return this.#moveTo(batch);
  }

  /** The next batch in its shares; null where a topic has lost it: the shares are to be taken again. */
  async #read(has: readonly number[]): Promise<TileBatch | null> {
    try {
      return await this.#options.topics.read(this.#position, WAIT_MS, has);
    } catch (error) {
      if (!isHeadraceError(error, 'LOG_TRIMMED')) throw error;
      return null;
    }
  }

  /** Whether to report to the store although there are no tiles. */
  #isDue(freshUntil: number | null): boolean {
    const told = this.#told;
    if (told === null || performance.now() - told.at >= TELL_EVERY_MS || told.isWhole !== this.#isWhole) return true;
    return freshUntil !== null && freshUntil !== told.freshUntil;
  }

  #moveTo({ next }: TileBatch): 'written' {
    this.#position = Object.fromEntries(Object.entries(next).map(([topic, offsets]) => [topic, [...offsets]]));
    return 'written';
  }

  /** Asks the engine for its progress while reading continues. */
  #ask(): void {
    const now = performance.now();
    if (this.#asking !== null || now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    this.#asking = this.#askEngine()
      .then(() => this.#engineTrouble.over())
      .catch((error: unknown) => this.#engineTrouble.met(error))
      .finally(() => {
        this.#asking = null;
      });
  }

  async #askEngine(): Promise<void> {
    const { log, topics, sources, clock } = this.#options;
    const askedAt = clock();
    // Any record after its last one may be missing, whenever it came.
    const next = Array.from({ length: this.#options.partitions }, () => Number.POSITIVE_INFINITY);
    const lastIngestTs = next.map(() => Number.NEGATIVE_INFINITY);
    const known = sources.map((source) => ({ source, next, lastIngestTs }));
    this.#said = await engineProgress(log, topics.engine, known, askedAt);
  }
}

/** Where a share is read on behind a batch. */
function placeOf({ next }: TileBatch, share: number): SharePlace {
  return Object.fromEntries(Object.entries(next).map(([topic, offsets]) => [topic, offsets[share]]));
}

/** Whether the topics still have the next record of a share. */
function isWithin(place: SharePlace | null, share: number, { begins, ends }: TopicEnds): boolean {
  return Object.entries(place ?? {}).every(([topic, at]) => {
    const end = ends[topic]?.[share];
    return end === undefined || (at >= begins[topic][share] && at <= end);
  });
}
