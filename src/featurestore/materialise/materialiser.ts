import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { AdmissionCounters, Verdict } from '../../features/engine/admission.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { SourceEngine } from '../../features/engine/stream-engine.ts';
import { START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OnlineStore, TileReport, TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { offsetsOf, readDeliveries } from './log-cursor.ts';
import { rememberIds } from './remember-ids.ts';
import { type KeyTiles, TileCache } from './tile-cache.ts';

/** The name under which the embedded engine's position stands in the online store. */
const WRITER = 'materialiser';

export interface MaterialiserOptions {
  readonly log: EventLog;
  readonly store: OnlineStore;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  readonly cacheKeys: number;
  /** Sees every judged delivery, in log order of its partition. */
  readonly judged?: (source: EventSourceData, delivery: Delivery, verdict: Verdict) => void;
  /** Sees the tiles of every commit before they are written. */
  readonly committing?: (tiles: readonly TileWrite[]) => void;
  /** Log clock up to which the tiles have reached the offline store: those after it are kept in memory and store. */
  readonly archivedUpTo?: () => number;
}

/**
 * The one writer of the views' tiles: reads every partition of the log, judges and folds the deliveries, and commits the
 * changed tiles together with its position. Between commits the tiles live in memory, where readers of this process
 * see them at once; after a crash the log is read again from the committed position.
 */
export class Materialiser {
  readonly tiles: TileCache;
  /** Whether the log begins behind where the store stood: tiles lack events that only the history has. */
  missedEvents = false;
  /** Whether the store had no position when it was opened: all its tiles come from the log. */
  startedEmpty = true;
  readonly #options: MaterialiserOptions;
  readonly #sources = new Map<string, SourceState>();
  #uncommitted = 0;
  #turn: Promise<void> = Promise.resolve();
  /** The position of the last commit of this process. */
  #committed: Position = {};
  #dropped = Number.NEGATIVE_INFINITY;

  private constructor(options: MaterialiserOptions) {
    this.#options = options;
    this.tiles = new TileCache(options.store, options.cacheKeys);
  }

  /** Reads its position, remembers the ids before it, and catches up with the log. Error: STORE_AHEAD. */
  static async open(options: MaterialiserOptions): Promise<Materialiser> {
    const materialiser = new Materialiser(options);
    const position = await options.store.position(WRITER);
    materialiser.startedEmpty = position === null;
    for (const source of options.sources) await materialiser.#openSource(source, position);
    await materialiser.catchUp();
    return materialiser;
  }

  /** Takes what was just appended to the log; falls back on `catchUp` where it is not what comes next. */
  offer(source: EventSourceData, partition: number, offset: number, deliveries: readonly Delivery[]): void {
    const state = this.#stateOf(source);
    if (state.next[partition] === offset) this.#apply(state, partition, deliveries);
  }

  /** Reads the log up to its present ends. */
  async catchUp(): Promise<void> {
    for (const state of this.#sources.values()) {
      await readDeliveries(
        this.#options.log,
        state.source,
        this.#options.rowsOf(state.source),
        state.next,
        (partition, _, deliveries) => this.#apply(state, partition, deliveries),
      );
    }
  }

  /** Deliveries applied since the last commit. */
  get uncommitted(): number {
    return this.#uncommitted;
  }

  /** Writes the changed tiles and the position in one transaction. What cannot be written waits for the next commit. */
  commit(): Promise<TileReport> {
    // One after the other: a commit's position speaks for the tiles of all before it.
    const turn = this.#turn.then(() => this.#commitNow());
    this.#turn = turn.then(nothing, nothing);
    return turn;
  }

  async #commitNow(): Promise<TileReport> {
    const uncommitted = this.#uncommitted;
    const tiles = this.tiles.drain();
    this.#options.committing?.(tiles);
    this.#uncommitted = 0;
    const starts = tiles.map(({ layout, run, index }) => run.nums[index * layout.numbers + START]);
    try {
      const position = this.position();
      const report = await this.#options.store.writeTiles({ writer: WRITER, position, tiles });
      this.#committed = position;
      this.tiles.sweep(this.#keepClock());
      return report;
    } catch (error) {
      // The next commit's position is behind these too: without them it would leave them out for ever.
      this.tiles.takeBack(tiles, starts);
      this.#uncommitted += uncommitted;
      throw error;
    }
  }

  /** Writes tiles that were computed elsewhere, by the versioned upsert; what memory held of them is read anew. */
  async replaceTiles(
    batches: AsyncIterable<readonly TileWrite[]>,
  ): Promise<Readonly<Record<keyof TileReport, number>>> {
    const total = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
    for await (const tiles of batches) {
      do await this.commit();
      while (this.#uncommitted > 0);
      // No event comes between here and `forget`: nothing in memory is newer than the store.
      const written = this.#options.store.writeTiles({ writer: WRITER, position: this.position(), tiles });
      this.tiles.forget();
      this.#options.committing?.(tiles);
      const report = await written;
      for (const outcome of ['applied', 'duplicate', 'stale', 'conflict'] as const) total[outcome] += report[outcome];
    }
    return total;
  }

  /** Where the next deliveries are read, by topic and partition. */
  position(): Position {
    return Object.fromEntries([...this.#sources.values()].map(({ source, next }) => [topicOf(source), [...next]]));
  }

  counters(source: EventSourceData): Readonly<AdmissionCounters> {
    return this.#stateOf(source).engine.admission.counters;
  }

  /** Accepted events whose row names no entity, by view. */
  nullKeys(source: EventSourceData): Readonly<Record<string, number>> {
    return this.#stateOf(source).engine.nullKeys();
  }

  /** The log clock of a source: the smallest last ingest time of a partition that has any; -Infinity before the first. */
  clockOf(source: EventSourceData): number {
    const times = this.#stateOf(source).lastIngestTs.filter((time) => time !== Number.NEGATIVE_INFINITY);
    return times.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...times);
  }

  /** Drops the stored tiles that no window can reach any more, at most once a day of the log clock. */
  async dropUnreachable(): Promise<void> {
    const clock = this.#keepClock();
    if (!(clock >= this.#dropped + DROP_EVERY_MS)) return;
    for (const layout of this.#options.layouts) {
      const horizons = layout.view.hopsMs.map((hopMs) => ({
        hopMs,
        endedBefore: clock - tileHorizonMs(layout.view, hopMs),
      }));
      await this.#options.store.dropTiles(
        layout,
        horizons.filter(({ endedBefore }) => Number.isFinite(endedBefore)),
      );
    }
    this.#dropped = clock;
  }

  /** The first offset, by partition, that a restart has to read: uncommitted deliveries, and ids that still matter. */
  async keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const state = this.#stateOf(source);
    const topic = topicOf(source);
    return Promise.all(
      state.lastIngestTs.map(async (last, partition) => {
        const remembered = await this.#options.log.offsetAtIngest(
          topic,
          partition,
          last - state.engine.admission.memoryMs,
        );
        return Math.min(remembered, this.#committed[topic]?.[partition] ?? 0);
      }),
    );
  }

  async #openSource(source: EventSourceData, position: Position | null): Promise<void> {
    const { log, layouts } = this.#options;
    const ends = await log.ends(topicOf(source));
    const next = offsetsOf(
      position,
      source,
      ends.map(() => 0),
    );
    for (const [partition, { begin }] of ends.entries()) {
      if (begin <= next[partition]) continue;
      next[partition] = begin;
      this.missedEvents = true;
    }
    const ahead = ends.findIndex(({ end }, partition) => end < next[partition]);
    if (ahead >= 0) throw fail('STORE_AHEAD', { source: source.name, position: next[ahead], end: ends[ahead].end });
    const engine = new SourceEngine<KeyTiles>(
      source,
      layouts.filter(({ view }) => view.source.name === source.name),
      {
        tilesOf: (layout, key) => this.tiles.tilesOf(layout, key),
        changed: (layout, tiles, hop, start) => this.tiles.markDirty(layout, tiles, hop, start),
      },
    );
    const lastIngestTs = await rememberIds(log, source, this.#options.rowsOf(source), engine.admission, next);
    this.#sources.set(source.name, { source, engine, next, lastIngestTs });
  }

  #apply(state: SourceState, partition: number, deliveries: readonly Delivery[]): void {
    const { judged } = this.#options;
    for (const delivery of deliveries) {
      const verdict = state.engine.apply(delivery, partition);
      judged?.(state.source, delivery, verdict);
    }
    const last = deliveries[deliveries.length - 1];
    if (last === undefined) return;
    state.next[partition] += deliveries.length;
    state.lastIngestTs[partition] = last.ingestTs;
    this.#uncommitted += deliveries.length;
  }

  /** The slowest clock of a source with views, not beyond what is archived. */
  #keepClock(): number {
    const clocks = this.#options.layouts.map(({ view }) => this.clockOf(view.source));
    return Math.min(...clocks, this.#options.archivedUpTo?.() ?? Number.POSITIVE_INFINITY);
  }

  /** The slowest log clock of the sources that have views. */
  clock(): number {
    return Math.min(...this.#options.layouts.map(({ view }) => this.clockOf(view.source)));
  }

  #stateOf(source: EventSourceData): SourceState {
    const state = this.#sources.get(source.name);
    if (state === undefined) throw fail('EVENT_SOURCE', { source: source.name });
    return state;
  }
}

/** The stores are swept this often by the log clock. */
const DROP_EVERY_MS = 86_400_000;

function nothing(): void {}

interface SourceState {
  readonly source: EventSourceData;
  readonly engine: SourceEngine<KeyTiles>;
  /** Next offset to apply, by partition. */
  readonly next: number[];
  readonly lastIngestTs: number[];
}
