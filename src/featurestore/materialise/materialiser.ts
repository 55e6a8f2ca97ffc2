import { coalesced } from '../../base/coalesced.ts';
import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { AdmissionCounters, Verdict } from '../../features/engine/admission.ts';
import { type Delivery, isBlank } from '../../features/engine/delivery.ts';
import { SourceEngine, viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun } from '../../features/tile/tile-run.ts';
import { type UpsertOutcome, upsertTile } from '../../features/tile/upsert.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import { tileChanged } from '../../features/window/window-memo.ts';
import type { EventLog, PartitionEnds } from '../../ports/event-log.ts';
import type { OnlineStore, TileCommit, TileReport, TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileTopics } from '../../ports/tile-topics.ts';
import type { Value } from '../../schema/column.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { UncommittedPlace } from '../ingest/ingest-part.ts';
import type { Verdicts } from '../ingest/ingest-report.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { inSlices } from './in-slices.ts';
import { clockOf } from './log-clock.ts';
import { offsetsOf, readDeliveries } from './log-cursor.ts';
import { LogFollower } from './log-follower.ts';
import type { NewestTiles } from './newest-tiles.ts';
import { type ReaderLag, readerLag } from './reader-lag.ts';
import { rememberIds } from './remember-ids.ts';
import { RemoteFeed } from './remote-feed.ts';
import { cleanTiles, type KeyTiles, type SeeChanges, type TakeTiles, TileCache, type ViewKey } from './tile-cache.ts';
import { TileDrain } from './tile-drain.ts';
import { TileFollower } from './tile-follower.ts';
import { TileIntake } from './tile-intake.ts';
import { type TakeUnreadable, UnreadableRecords } from './unreadable-records.ts';
import { type Writer, writers } from './writer.ts';

/** Takes what was judged of a partition in log order; `offset` is that of the first delivery. */
export type TakeJudged = (
  source: EventSourceData,
  partition: number,
  offset: number,
  deliveries: readonly Delivery[],
  verdicts: readonly Verdict[],
) => void;

export interface MaterialiserOptions {
  readonly log: EventLog;
  readonly store: OnlineStore;
  /** Tiles that another engine makes of the log; left out: they are made here. */
  readonly topics?: TileTopics | undefined;
  /** Where others write the tiles of `topics` to the store: this process only takes them for the history. */
  readonly apart?: TilesApart | undefined;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  /** The most bytes of tiles in memory. */
  readonly memoryBytes: number;
  readonly judged?: TakeJudged;
  /** Is told of every tile that changed, once before it is written. */
  readonly changed?: SeeChanges;
  /** Log clock up to which the tiles have reached the offline store: those after it are kept in memory and store. */
  readonly archivedUpTo?: () => number;
  readonly clock: Clock;
  /** Takes each record of a shared log that nobody can read. */
  readonly unreadable?: TakeUnreadable;
  /** Sees what goes wrong between calls. */
  readonly onFault?: (error: unknown) => void;
  /** Called when tiles were read from the log again after a loss of a store behind a network: fills what the log has no more. */
  readonly rewound?: () => Promise<void>;
}

/** What of the topics of an engine is for the history alone. */
export interface TilesApart {
  /** Where the history has the topics; null: it has nothing of them. */
  readonly from: Position | null;
  readonly newest: NewestTiles;
}

/** Where the log stood: of what came before, something has everything. */
export interface LogPlace {
  readonly position: Position;
  /** The log clock there. */
  readonly clock: number;
}

/**
 * The one writer of the views' tiles: reads every partition of the log, judges and folds the deliveries, and commits the
 * changed tiles together with its position. Where another engine makes the tiles it only judges, takes them from where that
 * writes them, and commits them with its position there. Between commits the tiles live in memory, where readers of this process
 * see them at once; after a crash the log is read again from the committed position.
 */
export class Materialiser {
  readonly tiles: TileCache;
  /** Of an engine elsewhere: how its tiles come; null where they are made here. */
  readonly intake: TileIntake | null;
  /** What of a shared log nobody can read. */
  readonly unreadable: UnreadableRecords;
  /** Whether the log begins behind where the store stood: tiles lack events that only the history has. */
  missedEvents = false;
  /** Whether the store had no position when it was opened: all its tiles come from the log. */
  startedEmpty = true;
  readonly #options: MaterialiserOptions;
  readonly #sources = new Map<string, SourceState>();
  #uncommitted = 0;
  #turn: Promise<void> = Promise.resolve();
  /** Up to where the store has everything. */
  #committed: Position = {};
  #dropped = Number.NEGATIVE_INFINITY;
  readonly #feed: RemoteFeed | null;
  readonly #writer: Writer;
  /** Of a log that other processes append to as well. */
  #follower: LogFollower | null = null;
  /** Of tiles that are made elsewhere. */
  #tileFollower: TileFollower | null = null;
  readonly #catchingUp = coalesced(() => this.catchUp());
  /** Calls that wait for the verdicts on what they appended. */
  readonly #asked = new Set<AskedVerdicts>();
  /** Where the delivery in hand is in the log. */
  #partition = 0;
  #offset = 0;
  #elsewhere: KeyTiles | null = null;
  #rewinding = false;
  /** By source: what the engines before the last rewind had counted, without what is judged again since. */
  readonly #countedBefore = new Map<string, Readonly<AdmissionCounters>>();
  /** Up to where deliveries were shown as judged, by source: those read again are not shown again. */
  readonly #judgedTo = new Map<string, number[]>();

  private constructor(options: MaterialiserOptions) {
    this.#options = options;
    this.unreadable = new UnreadableRecords(options.unreadable ?? nothing);
    const { log, topics, apart } = options;
    this.#writer = topics === undefined ? writers.embedded : writers.topics;
    this.tiles = new TileCache(options.store, options.memoryBytes, this.#writer);
    const upsert = apart === undefined ? upsertInto(this.tiles) : (tile: TileWrite) => apart.newest.take(tile);
    this.intake = topics === undefined ? null : new TileIntake({ topics, log, upsert });
    const { store, onFault = nothing, rewound = async () => undefined } = options;
    this.#feed =
      store.remote === undefined
        ? null
        : new RemoteFeed({
            onFault,
            rewound,
            remote: store.remote,
            followedUntil: () => this.followedUntil,
            catchUp: () => this.catchUp(),
            takeTiles: () => this.#takeTiles(),
            rewind: () => this.#rewind(),
            commit: () => this.commit(),
            inTurn: (work) => this.#inTurn(work),
            uncommitted: () => this.#uncommitted,
            appliedUntil: () => Math.min(this.clock(), this.followedUntil),
          });
  }

  /** Makes a materialiser that holds nothing yet; call `open` before anything else. */
  static of(options: MaterialiserOptions): Materialiser {
    return new Materialiser(options);
  }

  static async open(options: MaterialiserOptions): Promise<Materialiser> {
    const materialiser = Materialiser.of(options);
    await materialiser.open();
    return materialiser;
  }

  /** Reads its position, remembers the ids before it, and catches up with the log. Errors: STORE_AHEAD, STORE_ENGINE. */
  async open(): Promise<void> {
    const { topics, store } = this.#options;
    // Tiles of an engine elsewhere may lack events that were judged here. The other way round the engine computes all of them.
    if (topics === undefined && (await store.position(writers.topics)) !== null) throw fail('STORE_ENGINE', {});
    await this.#openAt(await store.position(this.#writer));
    await (this.#feed?.open() ?? this.#catchUpWhole());
  }

  /** Of a store behind a network: how its writing goes; null of another. */
  get feed(): RemoteFeed | null {
    return this.#feed;
  }

  /**
   * Takes what was just appended to the log and gives the verdicts; falls back on `catchUp` where it is not what comes next.
   * Where keys have to be fetched first, gives them when it is in the tiles, or when that takes long: undefined where a delivery
   * was not judged by then.
   */
  offer(
    source: EventSourceData,
    partition: number,
    offset: number,
    deliveries: readonly Delivery[],
  ): MaybePromise<Verdicts> {
    const state = this.#stateOf(source);
    state.ends[partition] = Math.max(state.ends[partition], offset + deliveries.length);
    if (this.#feed !== null && !(this.#feed.isIdle && this.tiles.holds(this.#keysOf(state, deliveries)))) {
      const feed = this.#feed;
      return this.#verdictsAfter({ source, partition, offset, verdicts: noVerdicts(deliveries) }, () => feed.pull());
    }
    if (state.next[partition] === offset) return this.#apply(state, partition, deliveries);
    // What another process appended lies before it, or is being read.
    return this.#verdictsAfter({ source, partition, offset, verdicts: noVerdicts(deliveries) }, () =>
      state.next[partition] < offset + deliveries.length ? this.#catchingUp.run() : Promise.resolve(),
    );
  }

  /** The verdicts on deliveries that some work judges, as far as it does. */
  async #verdictsAfter(asked: AskedVerdicts, work: () => Promise<void>): Promise<Verdicts> {
    this.#asked.add(asked);
    try {
      await work();
      return asked.verdicts;
    } finally {
      this.#asked.delete(asked);
    }
  }

  /** Hands verdicts to the calls that wait for them. */
  #tellVerdicts(source: EventSourceData, partition: number, offset: number, verdicts: readonly Verdict[]): void {
    for (const asked of this.#asked) {
      if (asked.source !== source || asked.partition !== partition) continue;
      const from = Math.max(asked.offset, offset);
      const to = Math.min(asked.offset + asked.verdicts.length, offset + verdicts.length);
      for (let at = from; at < to; at += 1) asked.verdicts[at - asked.offset] = verdicts[at - offset];
    }
  }

  /** What was appended by any process before this instant is in the tiles, epoch ms. */
  get followedUntil(): number {
    return this.intake?.progress.freshUntil ?? this.#follower?.followedUntil ?? this.#options.clock();
  }

  /** How old the tiles may be, ms: how long ago others' appends were last looked for; 0 where nobody else appends. */
  lagMs(now: number): number {
    return this.intake === null && this.#follower === null ? 0 : Math.max(0, now - this.followedUntil);
  }

  async close(): Promise<void> {
    await Promise.all([this.#follower?.close(), this.#tileFollower?.close()]);
    this.#feed?.close();
  }

  /** Begins to look for what other processes append, or write as tiles: call it when all that sees the judged deliveries is open. */
  follow(): void {
    const { log, clock, onFault = nothing } = this.#options;
    if (!log.capabilities.manyWriters && this.intake === null) return;
    const feed = this.#feed;
    const { intake } = this;
    if (intake !== null)
      this.#tileFollower = new TileFollower({
        wait: async (waitMs) => (await intake.next(waitMs)) !== null,
        take: () => this.#follow(feed),
        onFault,
      });
    this.#follower = new LogFollower({
      log,
      clock,
      onFault,
      next: () => new Map([...this.#sources.values()].map(({ source, next }) => [topicOf(source), next])),
      looking: (followedUntil) => this.#askEngine(followedUntil),
      pull: () => (feed === null ? this.#catchingUp.run() : feed.pull()),
    });
  }

  /** Takes what an engine elsewhere has written; whether all of it. */
  async #follow(feed: RemoteFeed | null): Promise<boolean> {
    const { apart } = this.#options;
    if (apart !== undefined) return this.#takeForHistory(apart);
    if (feed !== null) return feed.takeTiles();
    await this.#takeTiles();
    return true;
  }

  /** Takes what is for the history alone, as much as may wait to be published. */
  async #takeForHistory({ newest }: TilesApart): Promise<boolean> {
    const { intake } = this;
    for (let batch = (await intake?.next()) ?? null; batch !== null; batch = (await intake?.next()) ?? null) {
      if (newest.size >= MOST_FOR_HISTORY) return false;
      intake?.take(batch, this.#options.clock());
      if (!batch.hasMore) break;
    }
    return true;
  }

  /** Reads the log up to its present ends. */
  async catchUp(): Promise<void> {
    for (const state of this.#sources.values()) {
      await readDeliveries(
        this.#options.log,
        state.source,
        this.#options.rowsOf(state.source),
        state.next,
        (partition, offset, deliveries) => this.#take(state, partition, offset, deliveries),
        undefined,
        this.unreadable.of(state.source),
      );
    }
  }

  /** Reads the log and what an engine elsewhere has written, both up to their present ends. */
  async #catchUpWhole(): Promise<void> {
    await this.catchUp();
    await this.#takeTiles();
  }

  /** Asks an engine elsewhere how far it is. */
  async #askEngine(followedUntil: number): Promise<void> {
    if (this.intake === null) return;
    const judged = [...this.#sources.values()].filter(({ hasViews }) => hasViews);
    // Amid a catching-up the log may have more than is judged.
    const whole = this.#feed === null || this.#feed.isIdle;
    await this.intake.ask(judged, whole ? followedUntil : Math.min(...judged.map(({ clock }) => clock)));
  }

  /** Takes what an engine elsewhere has written, up to the present end. */
  async #takeTiles(): Promise<void> {
    const { intake } = this;
    if (intake === null || this.#options.apart !== undefined) return;
    const feed = this.#feed;
    for (let batch = await intake.next(); batch !== null; batch = await intake.next()) {
      const { tiles } = batch;
      const wait = () => feed?.paused ?? this.tiles.hold(tiles);
      for (let held = wait(); held !== undefined; held = wait()) await held;
      this.#uncommitted += intake.take(batch, this.#options.clock());
      if (this.#uncommitted >= REMOTE_COMMIT) await (this.#rewinding ? this.#commitNow() : this.commit());
      if (!batch.hasMore) return;
    }
  }

  /** Applies deliveries of the log, keys of a store that answers later fetched before, and commits what grows large. */
  #take(state: SourceState, partition: number, offset: number, deliveries: readonly Delivery[]): MaybePromise<void> {
    if (this.#feed !== null) return this.#takeHeld(this.#feed, state, partition, offset, deliveries);
    this.#applyFrom(state, partition, offset, deliveries);
    // Changed tiles stay in memory until they are in the store.
    return this.tiles.mustCommit ? this.commit().then(nothing) : undefined;
  }

  async #takeHeld(
    feed: RemoteFeed,
    state: SourceState,
    partition: number,
    offset: number,
    deliveries: readonly Delivery[],
  ): Promise<void> {
    const keys = this.#keysOf(state, deliveries);
    // What was held may be forgotten while others are waited for.
    for (
      let held = feed.paused ?? this.tiles.hold(keys);
      held !== undefined;
      held = feed.paused ?? this.tiles.hold(keys)
    )
      await held;
    this.#applyFrom(state, partition, offset, deliveries);
    if (this.#uncommitted >= REMOTE_COMMIT) await (this.#rewinding ? this.#commitNow() : this.commit());
  }

  /** The keys that deliveries of a source touch. */
  #keysOf(state: SourceState, deliveries: readonly Delivery[]): readonly ViewKey[] {
    const keys: ViewKey[] = [];
    for (const { layout, keyOf } of state.keyed) {
      const seen = new Set<string>();
      for (const { row } of deliveries) {
        const key = keyOf(row);
        if (key === null || seen.has(key)) continue;
        seen.add(key);
        keys.push({ layout, key });
      }
    }
    return keys;
  }

  /** Forgets everything that was made of the log and reads it from where the store is found to stand. */
  async #rewind(): Promise<void> {
    for (const { source, next } of this.#sources.values()) {
      this.#countedBefore.set(source.name, this.counters(source));
      const known = this.#judgedTo.get(source.name) ?? [];
      this.#judgedTo.set(
        source.name,
        next.map((offset, partition) => Math.max(offset, known[partition] ?? 0)),
      );
    }
    const position = await this.#options.store.position(this.#writer);
    this.tiles.forget();
    this.#uncommitted = 0;
    // Its commits are within its turn.
    this.#rewinding = true;
    try {
      await this.#openAt(position);
      await this.#catchUpWhole();
      await this.#commitNow();
    } finally {
      this.#rewinding = false;
    }
  }

  /** Deliveries applied since the last commit. */
  get uncommitted(): number {
    return this.#uncommitted;
  }

  /** Tells of all tiles that have changed by now, unless it was told of them before; gives up to where that is. */
  tellChanges(): Promise<LogPlace> {
    const { changed } = this.#options;
    return this.#inTurn(async () => {
      // The history has what is elsewhere at the latest when it has this.
      const place = { position: { ...this.position(), ...this.intake?.position }, clock: this.clock() };
      if (changed !== undefined) await inSlices(this.tiles.tell(changed));
      return place;
    });
  }

  /**
   * Writes the tiles that have changed by now, and the position, in one transaction; events go on to be taken meanwhile, and
   * wait for the next commit, as does what cannot be written.
   */
  commit(): Promise<TileReport> {
    // One after the other: a commit's position speaks for the tiles of all before it.
    return this.#inTurn(() => this.#commitNow());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.then(nothing, nothing);
    return turn;
  }

  /** Copies the changed tiles slice by slice, then has them written, where the store takes them so. */
  #commitNow(): Promise<TileReport> {
    const open = this.#options.store.openCommit?.();
    if (open === undefined) return this.#commitWhole();
    return this.#commitBy(
      (tiles) => open.add(tiles),
      async (drain, commit) => {
        await inSlices(drain.steps);
        drain.check();
        return open.finish(commit);
      },
    );
  }

  /** Nothing comes between the tiles and the call of the store. */
  #commitWhole(): Promise<TileReport> {
    return this.#commitBy(nothing, (drain, commit) => {
      for (const _ of drain.steps);
      return Promise.resolve(this.#options.store.writeTiles({ ...commit, tiles: drain.tiles }));
    });
  }

  async #commitBy(
    take: TakeTiles,
    write: (drain: TileDrain, commit: Omit<TileCommit, 'tiles'>) => Promise<TileReport>,
  ): Promise<TileReport> {
    const uncommitted = this.#uncommitted;
    const position = this.position();
    const freshUntil = this.#feed?.freshUntil ?? this.followedUntil;
    const archived = this.#keepClock();
    const drain = new TileDrain(this.tiles, { archived, see: this.#options.changed ?? nothing, take });
    this.#uncommitted = 0;
    try {
      const report = await write(drain, { writer: this.#writer, position, freshUntil });
      this.#committed = position;
      await inSlices(this.tiles.sweep(this.#keepClock()));
      return report;
    } catch (error) {
      // The next commit's position is behind these too: without them it would leave them out for ever.
      for (const _ of drain.steps);
      drain.takeBack();
      this.#uncommitted += uncommitted;
      throw error;
    }
  }

  /**
   * Writes tiles that were computed elsewhere, by the versioned upsert; what memory held of them is read anew. Some at a time:
   * events wait for one write, not for all.
   */
  async replaceTiles(
    batches: AsyncIterable<readonly TileWrite[]>,
  ): Promise<Readonly<Record<keyof TileReport, number>>> {
    const total = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
    for await (const tiles of batches) {
      for (let from = 0; from < tiles.length; from += REPLACED_AT_ONCE) {
        const some = tiles.slice(from, from + REPLACED_AT_ONCE);
        const report = await this.#quietly(() => this.#replaceNow(some));
        for (const outcome of ['applied', 'duplicate', 'stale', 'conflict'] as const) total[outcome] += report[outcome];
      }
    }
    return total;
  }

  /**
   * Works with everything committed and, until its first wait, nothing in memory that is newer than the store; with a store
   * that answers later, events wait in the log until it ends. In its turn: no rewind comes between a position and the tiles
   * that it speaks of.
   */
  #quietly<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      // Before the commit: one that takes longer than the next event comes would never have everything.
      this.#feed?.pause();
      try {
        await this.#commitNow();
        // Of what came meanwhile little is left, and in the end nothing.
        while (this.#uncommitted > 0) await this.#commitWhole();
        return await work();
      } finally {
        this.#feed?.resume();
      }
    });
  }

  async #replaceNow(tiles: readonly TileWrite[]): Promise<TileReport> {
    // No event comes between here and `forget`: nothing in memory is newer than the store.
    const written = this.#options.store.writeTiles({ writer: this.#writer, position: this.position(), tiles });
    this.tiles.forget();
    for (const { layout, hopMs, key, run, index } of tiles) {
      const start = run.nums[index * layout.numbers + START];
      this.#options.changed?.(layout, key, [layout.view.hopsMs.indexOf(hopMs), start]);
    }
    return written;
  }

  /**
   * Drops all tiles and batch rows of a key, in memory and in the store, and gives the position up to which events are in what
   * was dropped; what comes behind it begins new tiles. Error: STORE_CAPABILITY.
   */
  async forgetKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): Promise<Position> {
    const { store } = this.#options;
    if (store.dropKey === undefined) throw fail('STORE_CAPABILITY', { capability: 'dropKey' });
    return this.#quietly(async () => {
      // No event comes between these: memory, store and position speak of the same events.
      for (const layout of layouts) this.tiles.forgetKey(layout, key);
      const dropped = store.dropKey?.(layouts, batchViews, key);
      const position = this.position();
      await dropped;
      return position;
    });
  }

  /** Bytes in memory that grow with keys, by part. */
  memory(): Readonly<Record<string, number>> {
    let ids = 0;
    for (const { engine } of this.#sources.values()) ids += engine.admission.memoryBytes;
    return { tiles: this.tiles.bytes, ids, ...this.#options.store.memory?.() };
  }

  /** Leaves the tiles what the other parts do not take of the budget: a quarter of it at least. */
  #fitMemory(): void {
    const { tiles, ...others } = this.memory();
    const { memoryBytes } = this.#options;
    const taken = Object.values(others).reduce((sum, bytes) => sum + bytes, 0);
    this.tiles.maxBytes = Math.max(memoryBytes / 4, memoryBytes - taken);
  }

  /** Where the log has events that are not in the store, as far as it is known without asking. */
  uncommittedPlaces(): readonly UncommittedPlace[] {
    return [...this.#sources.values()].flatMap(({ source, next, ends }) => {
      const topic = topicOf(source);
      const heard = this.#options.log.knownEnds?.(topic) ?? [];
      return next.flatMap((read, partition) => {
        const offset = this.#committed[topic]?.[partition] ?? 0;
        const events = Math.max(read, ends[partition], heard[partition] ?? 0) - offset;
        return events > 0 ? [{ source: source.name, partition, offset, events }] : [];
      });
    });
  }

  /** Where the next deliveries are read, by topic and partition, and the next tiles for the store. */
  position(): Position {
    const read = [...this.#sources.values()].map(({ source, next }) => [topicOf(source), [...next]] as const);
    return { ...Object.fromEntries(read), ...(this.#options.apart === undefined ? this.intake?.position : {}) };
  }

  /** How far the readers of topics that others write too are behind, as of what was last heard of the ends. */
  lag(): readonly ReaderLag[] {
    const { log } = this.#options;
    const { intake } = this;
    const committed = this.#committed;
    const ofLog = [...this.#sources.values()].flatMap(({ source, next, hasViews }) => {
      const topic = topicOf(source);
      const ends = log.knownEnds?.(topic);
      if (ends === undefined) return [];
      const own = [readerLag(topic, 'applied', ends, next), readerLag(topic, 'committed', ends, committed[topic])];
      const elsewhere = intake === null || !hasViews ? null : intake.engineStands.get(source.name);
      return elsewhere === null ? own : [...own, readerLag(topic, 'engine', ends, elsewhere)];
    });
    const isApart = this.#options.apart !== undefined;
    const ofTiles = Object.entries(intake?.knownEnds ?? {}).flatMap(([topic, ends]) =>
      isApart
        ? [readerLag(topic, 'archived', ends, intake?.position[topic])]
        : [
            readerLag(topic, 'applied', ends, intake?.position[topic]),
            readerLag(topic, 'committed', ends, committed[topic]),
          ],
    );
    return [...ofLog, ...ofTiles];
  }

  counters(source: EventSourceData): Readonly<AdmissionCounters> {
    const { counters } = this.#stateOf(source).engine.admission;
    const before = this.#countedBefore.get(source.name);
    return before === undefined ? counters : added(counters, before, 1);
  }

  /** Accepted events whose row names no entity, by view. */
  nullKeys(source: EventSourceData): Readonly<Record<string, number>> {
    return this.#stateOf(source).engine.nullKeys();
  }

  /** The log clock of a source: the smallest last ingest time of a partition that has any; -Infinity before the first. */
  clockOf(source: EventSourceData): number {
    return this.#stateOf(source).clock;
  }

  /** When the last delivery of a source was stamped; -Infinity where there is none. */
  lastIngestOf(source: EventSourceData): number {
    return Math.max(...this.#stateOf(source).lastIngestTs);
  }

  /** Drops the stored tiles that no window can reach, at most once a day of the log clock; ends early once the signal is aborted. */
  async dropUnreachable(signal: AbortSignal): Promise<void> {
    const isDue = (clock: number) => clock >= this.#dropped + DROP_EVERY_MS;
    const own = this.#keepClock();
    if (!isDue(own)) return;
    // What others write may be behind what this process has read.
    const told =
      this.#options.apart === undefined ? Number.POSITIVE_INFINITY : await this.#options.store.remote?.freshUntil();
    const clock = Math.min(own, told ?? Number.NEGATIVE_INFINITY);
    if (!isDue(clock)) return;
    for (const layout of this.#options.layouts) {
      const horizons = layout.view.hopsMs.map((hopMs) => ({
        hopMs,
        endedBefore: clock - tileHorizonMs(layout.view, hopMs),
      }));
      await this.#options.store.dropTiles(
        layout,
        horizons.filter(({ endedBefore }) => Number.isFinite(endedBefore)),
        signal,
      );
      if (signal.aborted) return;
    }
    this.#dropped = clock;
  }

  /** The first offset, by partition, that a restart has to read, or an engine elsewhere: uncommitted deliveries, and ids that still matter. */
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
        const done = this.intake?.progress.done.get(source.name);
        const made = this.intake === null || !state.hasViews ? Number.POSITIVE_INFINITY : (done?.[partition] ?? 0);
        return Math.min(remembered, this.#committed[topic]?.[partition] ?? 0, made);
      }),
    );
  }

  /** Goes to where the store stands. */
  async #openAt(position: Position | null): Promise<void> {
    this.#committed = position ?? {};
    this.startedEmpty = position === null;
    this.missedEvents = false;
    for (const source of this.#options.sources) await this.#openSource(source, position);
    if (this.intake === null) return;
    const { apart } = this.#options;
    if (apart === undefined) await this.intake.open(position);
    // The history has lost nothing.
    else if (!this.#rewinding) await this.intake.open(apart.from);
    const missedTiles = apart === undefined && this.intake.missedTiles;
    // Of what the log has no more the job may have had only a part: after a loss the history fills it.
    this.missedEvents = missedTiles || (this.#rewinding && position === null);
  }

  async #openSource(source: EventSourceData, position: Position | null): Promise<void> {
    const { log } = this.#options;
    const ends = await log.ends(topicOf(source));
    const declared = this.#options.layouts.filter(({ view }) => view.source.name === source.name);
    const layouts = this.intake === null ? declared : [];
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
    if (ahead >= 0) throw aheadOf(ends[ahead], source, next[ahead]);
    const engine = new SourceEngine<KeyTiles>(source, layouts, {
      tilesOf:
        this.#feed === null
          ? (layout, key) => this.tiles.tilesToChange(layout, key)
          : (layout, key) => this.#tilesToAdd(layout, key),
      changed: (layout, tiles, hop, start) => {
        if (tiles !== this.#elsewhere) this.tiles.markDirty(layout, tiles, hop, start);
      },
    });
    const lastIngestTs = await rememberIds(log, source, this.#options.rowsOf(source), engine.admission, next);
    const keyed = layouts.map((layout) => ({ layout, keyOf: viewKeyEncoder(layout.view) }));
    const hasViews = declared.length > 0;
    this.#sources.set(source.name, {
      source,
      engine,
      next,
      ends: ends.map(({ end }) => end),
      lastIngestTs,
      keyed,
      hasViews,
      clock: clockOf(lastIngestTs),
    });
  }

  /** Where the delivery in hand goes: the key's tiles, or nowhere if they have it already. */
  #tilesToAdd(layout: TileLayout, key: string): KeyTiles {
    const tiles = this.tiles.tilesToChange(layout, key);
    if (tiles.covers === null) return tiles;
    if (this.#offset < (tiles.covers[this.#partition] ?? 0)) {
      const runs = layout.view.hopsMs.map(() => emptyRun(layout));
      this.#elsewhere = cleanTiles(key, runs);
      return this.#elsewhere;
    }
    return tiles;
  }

  /** Applies what of the deliveries comes next: some may have been offered while they were read. */
  #applyFrom(state: SourceState, partition: number, offset: number, deliveries: readonly Delivery[]): void {
    const known = state.next[partition] - offset;
    if (known >= 0 && known < deliveries.length)
      this.#apply(state, partition, known === 0 ? deliveries : deliveries.slice(known));
  }

  #apply(state: SourceState, partition: number, deliveries: readonly Delivery[]): readonly Verdict[] {
    const offset = state.next[partition];
    this.#partition = partition;
    const verdicts = deliveries.map((delivery, i): Verdict => {
      // What was forgotten counts for nothing, as what is known already.
      if (isBlank(delivery)) return 'duplicate';
      this.#offset = offset + i;
      return state.engine.apply(delivery, partition);
    });
    const known = Math.max(0, (this.#judgedTo.get(state.source.name)?.[partition] ?? 0) - offset);
    if (known > 0) this.#uncount(state.source, deliveries.slice(0, known), verdicts);
    const judged = this.#options.judged ?? nothing;
    if (known === 0) judged(state.source, partition, offset, deliveries, verdicts);
    else judged(state.source, partition, offset + known, deliveries.slice(known), verdicts.slice(known));
    if (this.#asked.size > 0) this.#tellVerdicts(state.source, partition, offset, verdicts);
    const last = deliveries[deliveries.length - 1];
    if (last === undefined) return verdicts;
    state.next[partition] += deliveries.length;
    state.lastIngestTs[partition] = last.ingestTs;
    state.clock = clockOf(state.lastIngestTs);
    this.#uncommitted += deliveries.length;
    this.#fitMemory();
    return verdicts;
  }

  /** What is judged again after a rewind is counted already. */
  #uncount(source: EventSourceData, deliveries: readonly Delivery[], verdicts: readonly Verdict[]): void {
    const again = { accepted: 0, duplicate: 0, future: 0, late: 0 };
    deliveries.forEach((delivery, i) => {
      if (!isBlank(delivery)) again[verdicts[i]] += 1;
    });
    this.#countedBefore.set(source.name, added(this.#countedBefore.get(source.name) ?? NOTHING_COUNTED, again, -1));
  }

  /** The slowest clock of a source with views, not beyond what is archived. */
  #keepClock(): number {
    return Math.min(this.clock(), this.#options.archivedUpTo?.() ?? Number.POSITIVE_INFINITY);
  }

  /** The slowest log clock of the sources that have views: what was stamped before it is in the tiles. */
  clock(): number {
    const { intake } = this;
    const clockIn = ({ name }: EventSourceData) => intake?.progress.clocks.get(name) ?? Number.NEGATIVE_INFINITY;
    return Math.min(
      ...this.#options.layouts.map(({ view }) => (intake === null ? this.clockOf(view.source) : clockIn(view.source))),
    );
  }

  #stateOf(source: EventSourceData): SourceState {
    const state = this.#sources.get(source.name);
    if (state === undefined) throw fail('EVENT_SOURCE', { source: source.name });
    return state;
  }
}

/** Deliveries after which a catching-up commits to a store behind a network: what it keeps in memory is bounded. */
const REMOTE_COMMIT = 50_000;

/** Tiles for the history above which no more are taken until they are published. */
const MOST_FOR_HISTORY = 900_000;

/** Tiles computed elsewhere that are written at once. */
const REPLACED_AT_ONCE = 10_000;

/** The stores are swept this often by the log clock. */
const DROP_EVERY_MS = 86_400_000;

/** The versioned upsert into tiles in memory, from where they are committed. */
function upsertInto(tiles: TileCache): (tile: TileWrite) => UpsertOutcome {
  return ({ layout, hopMs, key, run, index }) => {
    const entry = tiles.tilesToChange(layout, key);
    const hop = layout.view.hopsMs.indexOf(hopMs);
    const start = run.nums[index * layout.numbers + START];
    const outcome = upsertTile(layout, entry.runs[hop], run, index);
    if (outcome !== 'applied') return outcome;
    tiles.markDirty(layout, entry, hop, start);
    // The hops of a view come apart: what was merged of a smaller one's tiles may lie behind this one.
    if (hop > 0) tileChanged(entry, start);
    return outcome;
  };
}

/** The error of a store that has taken more than the log has: what lies behind the log's end is damaged, if anything does. */
function aheadOf({ end, rest }: PartitionEnds, source: EventSourceData, position: number): Error {
  if (rest === undefined) return fail('STORE_AHEAD', { source: source.name, position, end });
  const reason = `the log ends there at offset ${end}, and a store has taken the events up to ${position}`;
  return fail('LOG_CORRUPT', { ...rest, reason });
}

function nothing(): void {}

const NOTHING_COUNTED: Readonly<AdmissionCounters> = { accepted: 0, duplicate: 0, future: 0, late: 0 };

function added(one: Readonly<AdmissionCounters>, other: Readonly<AdmissionCounters>, times: 1 | -1): AdmissionCounters {
  return {
    accepted: one.accepted + times * other.accepted,
    duplicate: one.duplicate + times * other.duplicate,
    future: one.future + times * other.future,
    late: one.late + times * other.late,
  };
}

/** Verdicts that a call waits for: those on the deliveries of a partition from an offset on. */
interface AskedVerdicts {
  readonly source: EventSourceData;
  readonly partition: number;
  readonly offset: number;
  readonly verdicts: (Verdict | undefined)[];
}

function noVerdicts({ length }: readonly Delivery[]): (Verdict | undefined)[] {
  return new Array<Verdict | undefined>(length).fill(undefined);
}

interface SourceState {
  readonly source: EventSourceData;
  readonly engine: SourceEngine<KeyTiles>;
  /** Next offset to apply, by partition. */
  readonly next: number[];
  /** Where the partitions end, as far as it was heard of. */
  readonly ends: number[];
  readonly lastIngestTs: number[];
  /** Whether views are over it, wherever their tiles are made. */
  readonly hasViews: boolean;
  readonly keyed: readonly { readonly layout: TileLayout; readonly keyOf: (row: readonly Value[]) => string | null }[];
  /** The log clock, kept for every read of a vector. */
  clock: number;
}
