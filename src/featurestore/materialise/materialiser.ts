import { fail } from '../../base/errors/fail.ts';
import { inSlices } from '../../base/in-slices.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { beyondLeastPages } from '../../environment/memory-shares.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileReport, TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { UncommittedPlace } from '../ingest/ingest-part.ts';
import type { Verdicts } from '../ingest/ingest-report.ts';
import type { Committer, CommitterParts } from './committer.ts';
import { dropUnreachable } from './drop-unreachable.ts';
import { LocalCommitter } from './local-committer.ts';
import { tilesClock } from './log-clock.ts';
import type { LogPlace, MaterialiserOptions } from './materialiser-options.ts';
import { OthersFollower } from './others-follower.ts';
import { logLag, type ReaderLag } from './reader-lag.ts';
import { RemoteCommitter } from './remote-committer.ts';
import { SharesOfLog } from './shares-of-log.ts';
import { SourceJudge, type SourceState } from './source-judge.ts';
import { type TileBounds, UNBOUNDED } from './tile-bounds.ts';
import { TileCache } from './tile-cache.ts';
import { TileCommits } from './tile-commits.ts';
import { localFold, remoteFold } from './tile-fold.ts';
import type { TileIntake } from './tile-intake.ts';
import {
  committedTopics,
  openOrigin,
  originLag,
  type TileOrigin,
  takeTiles,
  tileOrigin,
  writerOf,
} from './tile-origin.ts';
import { TileSink } from './tile-sink.ts';
import { UnreadableRecords } from './unreadable-records.ts';
import { writers } from './writer.ts';
import { WriterState } from './writer-state.ts';

/**
 * The one writer of the views' tiles, or, where many processes make them, the one that judges the whole log. Its judge reads every partition of the log and judges each delivery once; its origin says
 * where tiles come from; its committer puts them into memory and, with the position in the log, into the store. Between commits the
 * tiles live in memory, where readers of this process see them at once. After a crash the log is read again from the committed position.
 */
export class Materialiser {
  readonly tiles: TileCache;
  /** Judges every delivery of the log once. */
  readonly judge: SourceJudge;
  /** Records of a shared log that cannot be read. */
  readonly unreadable: UnreadableRecords;
  /** Whether the store had no position when it was opened: all its tiles come from the log. */
  startedEmpty = true;
  /** Whether the log begins after the position of the store: tiles lack events that only the history has. */
  missedEvents = false;
  readonly #options: MaterialiserOptions;
  readonly #state = new WriterState();
  readonly #sink: TileSink;
  readonly #origin: TileOrigin;
  /** null: no other process makes tiles of the log. */
  readonly #shares: SharesOfLog | null;
  readonly #commits: TileCommits;
  readonly #committer: LocalCommitter | RemoteCommitter;
  /** null: nobody else appends, and no other engine computes tiles. */
  #follower: OthersFollower | null = null;

  /** It holds nothing yet; call `open` before anything else. */
  constructor(options: MaterialiserOptions) {
    this.#options = options;
    const { store, memoryBytes, changed, sinks = [] } = options;
    const { remote } = store;
    const writer = writerOf(options);
    this.unreadable = new UnreadableRecords(options.unreadable ?? nothing);
    this.tiles = new TileCache(store, memoryBytes, writer, undefined, (layout) => this.#boundsOf(layout));
    this.#origin = tileOrigin(options, this.tiles);
    this.#shares = this.#origin.kind === 'shared' ? new SharesOfLog(options.log, store) : null;
    const fold = remote === undefined ? localFold(this.tiles) : remoteFold(this.tiles);
    this.#sink = new TileSink(options.sources, this.#origin.kind === 'own' ? options.layouts : [], fold);
    this.judge = new SourceJudge({ ...options, sinks: [this.#sink, ...sinks], unreadable: this.unreadable });
    this.#commits = new TileCommits({
      store,
      tiles: this.tiles,
      writer,
      changed: changed ?? nothing,
      position: () => this.position(),
      freshUntil: () => this.#committer.freshUntil,
      keepClock: () => this.#keepClock(),
    });
    this.#committer = this.#newCommitter();
  }

  #newCommitter(): LocalCommitter | RemoteCommitter {
    const { store, onFault = nothing, rewound = async () => undefined } = this.#options;
    const parts: CommitterParts = {
      state: this.#state,
      judge: this.judge,
      tiles: this.tiles,
      keysOf: (source, deliveries) => this.#sink.keysOf(source, deliveries),
      commits: this.#commits,
      apply: (state, partition, deliveries) => this.#apply(state, partition, deliveries),
      readTiles: () => this.#readTiles(),
      followedUntil: () => this.followedUntil,
    };
    if (store.remote === undefined) return new LocalCommitter(parts);
    return new RemoteCommitter({
      ...parts,
      remote: store.remote,
      goBack: () => this.#goBack(),
      rewound,
      appliedUntil: () => Math.min(this.clock(), this.followedUntil),
      onFault,
    });
  }

  /** Reads its position, remembers the ids before it, and catches up with the log. Errors: STORE_AHEAD, STORE_ENGINE. */
  async open(): Promise<void> {
    const { store } = this.#options;
    // Tiles of an engine elsewhere may lack events that were judged here. The other way round the engine computes all of them.
    if (this.#origin.intake === null && (await store.position(writers.topics)) !== null) throw fail('STORE_ENGINE', {});
    await this.#openAt(await this.#position(), false);
    await this.#committer.open();
  }

  /** The store's position of this writer, or of the one process that wrote the tiles before others shared them; null: it has none. */
  async #position(): Promise<Position | null> {
    const { store } = this.#options;
    const position = await store.position(this.#origin.writer);
    if (this.#origin.kind !== 'shared' || (position !== null && Object.keys(position).length > 0)) return position;
    return store.position(writers.embedded);
  }

  /** Goes to a position of the store; null: it has none. */
  async #openAt(position: Position | null, isRewind: boolean): Promise<void> {
    this.#commits.openAt(position);
    this.startedEmpty = position === null;
    await this.judge.open(position);
    this.missedEvents = this.judge.missedEvents;
    if (this.#shares !== null) {
      this.missedEvents ||= await this.#shares.lack(this.judge.states);
      if (this.missedEvents) await this.#shares.close(true);
      return;
    }
    if (this.#origin.kind === 'own') return;
    const missedTiles = await openOrigin(this.#origin, position, isRewind);
    // The engine may have read only a part of the records that the log has dropped: after a loss the history fills it.
    this.missedEvents = missedTiles || (isRewind && position === null);
  }

  /** Forgets everything in memory and returns to the store's position. */
  async #goBack(): Promise<void> {
    this.judge.beginRewind();
    const position = await this.#position();
    this.tiles.forget();
    await this.#openAt(position, true);
  }

  /** The committer of a remote store; null: the store is local. */
  get remote(): RemoteCommitter | null {
    return this.#committer instanceof RemoteCommitter ? this.#committer : null;
  }

  /** The tiles of another engine; null: they are computed here. */
  get intake(): TileIntake | null {
    return this.#origin.intake;
  }

  /** Takes deliveries that were just appended to the log and returns the verdicts; undefined: not judged within a moment. */
  offer(
    source: EventSourceData,
    partition: number,
    offset: number,
    deliveries: readonly Delivery[],
  ): MaybePromise<Verdicts> {
    const state = this.judge.appended(source, partition, offset + deliveries.length);
    return this.#committer.offer(state, partition, offset, deliveries);
  }

  /** Hot path. */
  #apply(state: SourceState, partition: number, deliveries: readonly Delivery[]): Verdicts {
    this.#commits.applied(deliveries.length);
    const verdicts = this.judge.apply(state, partition, deliveries);
    if (deliveries.length > 0) this.tiles.fit(this.#options.memoryBytes, this.memory());
    return verdicts;
  }

  /** Takes the tiles that another engine has written, up to their present end. */
  #readTiles(): Promise<void> {
    const committer: Committer = this.#committer;
    return takeTiles(
      this.#origin,
      this.#options.clock,
      (tiles) => committer.hold(tiles),
      (changed) => {
        this.#commits.applied(changed);
        return committer.relieve();
      },
    );
  }

  /** Records that any process appended before this instant are in the tiles, epoch ms. */
  get followedUntil(): number {
    return this.intake?.progress.freshUntil ?? this.#follower?.followedUntil ?? this.#options.clock();
  }

  /** How old the tiles may be, ms: time since others' records were last looked for; 0 if nobody else appends. */
  lagMs(now: number): number {
    return this.intake === null && this.#follower === null ? 0 : Math.max(0, now - this.followedUntil);
  }

  async close(): Promise<void> {
    await this.#follower?.close();
    this.#committer.close();
  }

  /** Starts to look for records of other processes, and for tiles of another engine. Call it when all sinks are open. */
  follow(): void {
    const { log, clock, onFault = nothing } = this.#options;
    if (!log.capabilities.manyWriters && this.intake === null) return;
    this.#state.follow();
    this.#follower = new OthersFollower({
      log,
      clock,
      onFault,
      judge: this.judge,
      origin: this.#origin,
      committer: this.#committer,
      isCaughtUp: () => this.remote?.isIdle ?? true,
    });
  }

  /** Deliveries, or tiles of another engine, that were applied since the last commit. */
  get uncommitted(): number {
    return this.#commits.uncommitted;
  }

  /** Reports all tiles that have changed by now, unless they were reported before; returns the place that they stand for. */
  tellChanges(): Promise<LogPlace> {
    const { changed } = this.#options;
    return this.#commits.inTurn(async () => {
      // The history has the tiles of another engine at the latest when it has these.
      const place = { position: { ...this.position(), ...this.intake?.position }, clock: this.clock() };
      if (changed !== undefined) await inSlices(this.tiles.tell(changed));
      return place;
    });
  }

  /** Writes the tiles that have changed by now, and the position, in one transaction. Errors: those of the store. */
  commit(): Promise<TileReport> {
    return this.#commits.commit();
  }

  /** Writes tiles that were computed elsewhere, by the versioned upsert. Errors: those of the store. */
  replaceTiles(batches: AsyncIterable<readonly TileWrite[]>): Promise<Readonly<Record<keyof TileReport, number>>> {
    return this.#commits.replaceTiles(batches, this.#committer);
  }

  /** As `replaceTiles`, with all tiles of their views as of this position; those of `untold` are not reported as changed. No event may be taken meanwhile. */
  async fillTiles(batches: AsyncIterable<readonly TileWrite[]>, untold: ReadonlySet<TileLayout>): Promise<void> {
    // A process that adds events to half of a key's tiles would add them twice.
    await this.#shares?.close(false);
    await this.#commits.replaceTiles(batches, this.#committer, { areAll: this.#shares !== null, untold });
  }

  /** Drops all tiles and batch rows of a key; returns the position up to which events were in them. Error: STORE_CAPABILITY. */
  forgetKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): Promise<Position> {
    return this.#commits.forgetKey(layouts, { batchViews, key }, this.#committer);
  }

  /** Drops the stored tiles that no window can reach, at most once a day of the log clock; ends early once the signal is aborted. */
  dropUnreachable(signal: AbortSignal): Promise<void> {
    const { layouts, store } = this.#options;
    // Tiles that other processes write may be older than the log that this process has read.
    const freshUntil = async () =>
      this.#origin.kind === 'apart' || this.#origin.kind === 'shared'
        ? ((await store.remote?.freshUntil()) ?? Number.NEGATIVE_INFINITY)
        : Number.POSITIVE_INFINITY;
    return dropUnreachable({ store, layouts, keepClock: this.#keepClock(), freshUntil, signal });
  }

  /** Bytes in memory that grow with keys, by part. */
  memory(): Readonly<Record<string, number>> {
    const { store, alsoInMemory } = this.#options;
    const pages = beyondLeastPages(store.pages?.bytes ?? 0);
    return { tiles: this.tiles.bytes, ids: this.judge.memoryBytes, pages, ...store.memory?.(), ...alsoInMemory?.() };
  }

  /** How far the readers of topics that others write too are behind, by the last known ends. */
  lag(): readonly ReaderLag[] {
    const { committed } = this.#commits;
    return [
      ...logLag(this.#options.log, this.judge.states, this.intake, committed),
      ...originLag(this.#origin, committed),
    ];
  }

  /** Places of the log whose events are not in the store, as far as is known without a request. */
  uncommittedPlaces(): readonly UncommittedPlace[] {
    return this.judge.uncommittedPlaces(this.#commits.committed);
  }

  /** The next deliveries to read, by topic and partition, and the next tiles for the store. */
  position(): Position {
    return { ...this.judge.position(), ...committedTopics(this.#origin) };
  }

  /** Deliveries of a source that others have not put into the tiles yet, up to some offsets; 0: this process makes them. */
  async missing(source: EventSourceData, to: readonly number[]): Promise<number> {
    return this.#shares === null ? 0 : this.#shares.missing(source, to);
  }

  /** Whether the tiles are made elsewhere: by another engine, or by processes that share the log. */
  get areTilesElsewhere(): boolean {
    return this.#origin.kind !== 'own';
  }

  /** The slowest log clock of the sources that have views: events stamped before it are in the tiles. */
  clock(): number {
    return tilesClock(this.#options.layouts, this.judge, this.intake);
  }

  /** The tiles of a key that an event or a read takes. Rows of a source of changes count at their own times, however old. */
  #boundsOf({ view: { source } }: TileLayout): TileBounds {
    if (this.#origin.kind !== 'own' || source.changes !== undefined) return UNBOUNDED;
    return {
      since: Math.min(this.#keepClock(), this.#committer.freshUntil),
      until: this.judge.latestOf(source) + 1,
    };
  }

  /** The slowest clock of a source with views, at most the archived one. */
  #keepClock(): number {
    return Math.min(this.clock(), this.#options.archivedUpTo?.() ?? Number.POSITIVE_INFINITY);
  }

  /** The first offset, by partition, that a restart here or of the engine has to read: uncommitted deliveries, and ids that still matter. */
  async keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const remembered = this.judge.rememberedFrom(source);
    const committed = this.#commits.committed[topicOf(source)];
    const { intake } = this;
    const done = intake === null || !this.judge.hasViews(source) ? null : (intake.progress.done.get(source.name) ?? []);
    const shares = this.judge.hasViews(source) ? ((await this.#shares?.keepFrom(source)) ?? []) : [];
    return remembered.map((offset, partition) => {
      const made = done === null ? Number.POSITIVE_INFINITY : (done[partition] ?? 0);
      return Math.min(offset, committed?.[partition] ?? 0, made, shares[partition] ?? Number.POSITIVE_INFINITY);
    });
  }
}

function nothing(): void {}
