import { inSlices } from '../../base/in-slices.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { floorTo } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { countedAt, viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { START, type TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OfflineChange, OfflineStore, TableAppend } from '../../ports/offline-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileTopics } from '../../ports/tile-topics.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { publishStorable } from '../publish-storable.ts';
import { idsNeededFrom } from './admission-before.ts';
import { EarlyDeliveries } from './early-deliveries.ts';
import { offsetsOf, readDeliveries } from './log-cursor.ts';
import type { NewestTiles } from './newest-tiles.ts';
import { placeInTopics } from './place-in-topics.ts';
import { RawBuffer, refill } from './raw-buffer.ts';
import type { TileCache } from './tile-cache.ts';
import { NO_CHANGE, TileChanges } from './tile-changes.ts';
import { TileTableWriter } from './tile-table-writer.ts';

/** Names under which the two offline readers keep their positions. */
export const RAW_READER = 'deliveries';
export const TILE_READER = 'tiles';

/** Bytes of a change of a tile that waits, about: three numbers in memory that doubles. */
export const CHANGE_BYTES = 48;

/** Bytes of the row of a tile that waits, about. */
export const TILE_BYTES = 200;

export interface ArchiveOptions {
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  /** The tiles' newest content. */
  readonly tiles: TileCache;
  /** The most bytes that may wait; beyond them deliveries of the log are published while it is read. */
  readonly mostBytes: number;
  /** Where another engine writes the tiles; left out: they are made here, of the log. */
  readonly topics?: TileTopics | undefined;
  /** Whether other processes make the tiles: the history has those that a backfill computes. */
  readonly shared?: boolean | undefined;
  /** Of an engine elsewhere whose tiles others write to the online store: what it has written since they were last published. */
  readonly newest?: NewestTiles | undefined;
}

/**
 * Writes the offline store: every well-formed delivery with its place in the log and what was made of it, and, as the second reader of the tile
 * stream, every tile that changed, at its newest version. Each has its own position in the manifest. After a crash it
 * reads the log again from there: raw deliveries are appended, the tiles they touch are written at what they are by
 * then, which is the same in the end, since a tile's version only grows.
 */
export class Archive {
  readonly #options: ArchiveOptions;
  #stage: 'closed' | 'opening' | 'open' = 'closed';
  /** Deliveries judged while it reads the log. */
  readonly #early: EarlyDeliveries;
  readonly #raw = new Map<string, RawBuffer>();
  #touched: Map<TileLayout, Touched> = new Map();
  /** The log clock when tiles were last published. */
  publishedClock = Number.NEGATIVE_INFINITY;
  /** Changes that are on their way, or could not be published: in order, for each reader. */
  readonly #unpublished: { readonly deliveries: Unpublished[]; readonly tiles: Unpublished[] } = {
    deliveries: [],
    tiles: [],
  };
  #touchedTiles = 0;
  readonly #inTurn = turnsInOrder();

  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#touched = noneOf(options.layouts);
    this.#early = new EarlyDeliveries(options.mostBytes / 2);
  }

  /** Reads its positions and takes from the log what they do not have; the materialiser must have caught up before. */
  async open(applied: Position): Promise<void> {
    this.#stage = 'opening';
    const { sources, offline, topics, newest } = this.#options;
    const raw = await offline.position(RAW_READER);
    const tiles = await offline.position(TILE_READER);
    for (const source of sources) {
      const begins = (await this.#options.log.ends(topicOf(source))).map(({ begin }) => begin);
      this.#raw.set(source.name, new RawBuffer(source, offsetsOf(raw, source, begins)));
    }
    for (const source of sources) await this.#openSource(source, tiles, applied[topicOf(source)]);
    if (topics !== undefined && newest === undefined) await this.#touchTopics(topics, tiles, applied);
    await this.#takeEarly();
  }

  async #openSource(source: EventSourceData, tiles: Position | null, to: readonly number[] | undefined): Promise<void> {
    const { log, rowsOf, topics, shared } = this.#options;
    const begins = (await log.ends(topicOf(source))).map(({ begin }) => begin);
    const buffer = this.#raw.get(source.name);
    if (buffer !== undefined) await refill(buffer, this.#options, to, () => this.#relieve());
    if (topics !== undefined || shared === true) return;
    const layouts = this.#options.layouts.filter(({ view }) => view.source.name === source.name);
    // While other processes made the tiles the log was not kept for this reader.
    const from = offsetsOf(tiles, source, begins).map((offset, partition) => Math.max(offset, begins[partition]));
    await readDeliveries(log, source, rowsOf(source), from, (_p, _o, ds) => this.#touchAll(layouts, ds), to);
  }

  /** Takes judged deliveries. */
  take(judged: JudgedDeliveries): void {
    // It reads earlier deliveries from the log.
    if (this.#stage === 'closed') return;
    if (this.#stage === 'opening') this.#early.add(judged);
    else this.#take(judged);
  }

  #take({ source, partition, offset, deliveries, verdicts }: JudgedDeliveries): void {
    this.#raw.get(source.name)?.take(partition, offset, deliveries, verdicts);
  }

  /** Takes the deliveries that came while it was opened; reads those from the log for which there was no room. */
  async #takeEarly(): Promise<void> {
    for (;;) {
      const { kept, leftTo } = this.#early.drain();
      for (const judged of kept) this.#take(judged);
      if (leftTo.size === 0) {
        // In the same turn: nothing comes early from here on.
        this.#stage = 'open';
        return;
      }
      for (const [name, to] of leftTo) {
        const buffer = this.#raw.get(name);
        if (buffer !== undefined) await refill(buffer, this.#options, atLeast(to, buffer.next), () => this.#relieve());
      }
    }
  }

  /** Notes tiles of a key that changed: hop (by index) and start by turns; before it is open, it reads them from the log. Hot path. */
  touch(layout: TileLayout, key: string, changed: readonly number[]): void {
    if (this.#stage !== 'closed') this.#touch(layout, key, changed);
  }

  #touch(layout: TileLayout, key: string, changed: readonly number[]): void {
    const touched = this.#touched.get(layout);
    if (touched === undefined) return;
    const { keys, changes } = touched;
    let newest = keys.get(key) ?? NO_CHANGE;
    for (let i = 0; i < changed.length; i += 2) newest = changes.add(newest, changed[i], changed[i + 1]);
    keys.set(key, newest);
    this.#touchedTiles += changed.length / 2;
  }

  /** Deliveries and tiles that wait to be published, and their bytes, estimated. */
  get waiting(): { readonly deliveries: number; readonly tiles: number; readonly bytes: number } {
    let deliveries = rowsOf(this.#unpublished.deliveries);
    let bytes = 0;
    for (const buffer of this.#raw.values()) {
      deliveries += buffer.rows;
      bytes += buffer.bytes;
    }
    const tiles = (this.#options.newest?.size ?? 0) + rowsOf(this.#unpublished.tiles);
    deliveries += this.#early.rows;
    bytes += this.#early.bytes;
    for (const change of this.#unpublished.deliveries) bytes += change.bytes;
    bytes += this.#touchedTiles * CHANGE_BYTES + tiles * TILE_BYTES;
    return { deliveries, tiles: this.#touchedTiles + tiles, bytes };
  }

  /** Publishes the deliveries that were read from the log, where they take much memory. */
  #relieve(): Promise<void> | undefined {
    return this.waiting.bytes >= this.#options.mostBytes / 2 ? this.publishDeliveries() : undefined;
  }

  /** The first offset, by partition, that a restart has to read: what is not published, and the ids that still matter to it. */
  async keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const { log, offline, layouts, topics, shared } = this.#options;
    const topic = topicOf(source);
    const begins = (await log.ends(topic)).map(({ begin }) => begin);
    const raw = offsetsOf(await offline.position(RAW_READER), source, begins);
    const hasTiles =
      topics === undefined && shared !== true && layouts.some(({ view }) => view.source.name === source.name);
    const tiles = hasTiles ? offsetsOf(await offline.position(TILE_READER), source, begins) : raw;
    const ids = await idsNeededFrom({ source, log }, raw);
    return begins.map((begin, partition) => Math.max(begin, Math.min(ids[partition], tiles[partition])));
  }

  /** Publishes the deliveries taken so far; runs after a publish that is under way. */
  publishDeliveries(): Promise<void> {
    const taken = [...this.#raw.values()].map((buffer) => buffer.drain());
    const change: OfflineChange = {
      writer: RAW_READER,
      position: Object.fromEntries(taken.map(({ topic, next }) => [topic, next])),
      mode: 'append',
      tables: taken.map(({ append }) => append).filter(({ rows }) => rows > 0),
    };
    const bytes = taken.reduce((sum, one) => sum + one.bytes, 0);
    this.#await(this.#unpublished.deliveries, { change, bytes });
    return this.#inTurn(() => this.#publishAll(this.#unpublished.deliveries));
  }

  /**
   * Publishes the touched tiles at their newest content; `applied` and `clock` are the materialiser's, which has
   * reported all changes.
   */
  publishTiles(applied: Position, clock: number): Promise<void> {
    return this.#inTurn(async () => {
      const tables = await this.#drainTiles();
      const change: OfflineChange = { writer: TILE_READER, position: applied, mode: 'append', tables };
      // Its tiles are counted as such.
      this.#await(this.#unpublished.tiles, { change, bytes: 0 });
      await this.#publishAll(this.#unpublished.tiles);
      this.publishedClock = clock;
    });
  }

  #await(unpublished: Unpublished[], waiting: Unpublished): void {
    if (waiting.change.tables.length > 0) unpublished.push(waiting);
  }

  /** One that fails stays the first: were a later one published before it, its rows would be missing for ever. */
  async #publishAll(unpublished: Unpublished[]): Promise<void> {
    for (let waiting = unpublished[0]; waiting !== undefined; waiting = unpublished[0]) {
      await publishStorable(this.#options.offline, waiting.change);
      unpublished.shift();
    }
  }

  /** Fetches touched keys that have left the memory; undefined where none has. */
  #hold(): Promise<void> | undefined {
    if (!this.#options.tiles.isRemote) return undefined;
    const held = [...this.#touched].flatMap(([layout, { keys }]) => [...keys.keys()].map((key) => ({ layout, key })));
    return this.#options.tiles.hold(held);
  }

  /** The touched tiles as rows. Events may come meanwhile: what they touch is for the next, and in these rows, or not yet. */
  async #drainTiles(): Promise<readonly TableAppend[]> {
    for (let held = this.#hold(); held !== undefined; held = this.#hold()) await held;
    const touched = this.#touched;
    const waiting = this.#touchedTiles;
    this.#touched = noneOf(this.#options.layouts);
    const newest = this.#options.newest?.drain() ?? null;
    const appends: TableAppend[] = [];
    try {
      const steps = this.#rowsOf(touched, appends);
      // Of a store that answers later, only what was just held is at hand.
      if (this.#options.tiles.isRemote) for (const _ of steps);
      else await inSlices(steps);
      if (newest !== null) await inSlices(rowsOfNewest(newest, appends));
      return appends;
    } catch (error) {
      for (const tile of newest?.writes() ?? []) this.#options.newest?.take(tile);
      for (const [layout, { keys, changes }] of touched)
        for (const [key, newest] of keys) this.#touch(layout, key, changes.pairsOf(newest, NO_CHANGE));
      throw error;
    } finally {
      this.#touchedTiles -= waiting;
    }
  }

  *#rowsOf(touched: ReadonlyMap<TileLayout, Touched>, into: TableAppend[]): Generator<undefined> {
    for (const [layout, { keys, changes }] of touched) {
      const writers = layout.view.hopsMs.map((hopMs) => new TileTableWriter(layout, hopMs));
      for (const [key, newest] of keys) {
        const firsts = writers.map((_, hop) => Math.min(...changes.startsOf(newest, hop)));
        const { runs } = this.#options.tiles.tilesFrom(layout, key, firsts);
        for (let hop = 0; hop < writers.length; hop += 1)
          writers[hop].addAll(key, runs[hop], changes.startsOf(newest, hop));
        yield;
      }
      for (const writer of writers) into.push(...writer.appends());
    }
  }

  /** Notes the tiles that another engine wrote between two positions of its topics. */
  async #touchTopics(topics: TileTopics, from: Position | null, to: Position): Promise<void> {
    const { begins } = await topics.ends();
    let next = placeInTopics(begins, from);
    while (Object.entries(next).some(([topic, offsets]) => offsets.some((offset, p) => offset < to[topic][p]))) {
      const batch = await topics.read(next);
      next = batch.next;
      for (const { layout, hopMs, key, run, index } of batch.tiles)
        this.#touch(layout, key, [layout.view.hopsMs.indexOf(hopMs), run.nums[index * layout.numbers + START]]);
      if (!batch.hasMore) return;
    }
  }

  #touchAll(layouts: readonly TileLayout[], deliveries: readonly Delivery[]): void {
    for (const layout of layouts) {
      const keyOf = viewKeyEncoder(layout.view);
      const timeOf = countedAt(layout.view.source);
      for (const delivery of deliveries) {
        const { row } = delivery;
        if (row.length === 0) continue;
        const key = keyOf(row);
        if (key === null) continue;
        const ts = timeOf(delivery);
        this.#touch(
          layout,
          key,
          layout.view.hopsMs.flatMap((hopMs, hop) => [hop, floorTo(ts, hopMs)]),
        );
      }
    }
  }
}

/** The tiles that an engine has written, as rows. */
function* rowsOfNewest({ views }: NewestTiles, into: TableAppend[]): Generator<undefined> {
  for (const [layout, keys] of views) {
    const writers = layout.view.hopsMs.map((hopMs) => new TileTableWriter(layout, hopMs));
    for (const [key, runs] of keys) {
      for (let hop = 0; hop < writers.length; hop += 1)
        writers[hop].addAll(key, runs[hop], startsOf(layout, runs[hop]));
      yield;
    }
    for (const writer of writers) into.push(...writer.appends());
  }
}

function startsOf({ numbers }: TileLayout, { nums, length }: TileRun): readonly number[] {
  return Array.from({ length }, (_, i) => nums[i * numbers + START]);
}

/** A change that is not published, and about the bytes of its rows. */
interface Unpublished {
  readonly change: OfflineChange;
  readonly bytes: number;
}

/** Touched tiles of a view: by key its newest change. */
interface Touched {
  readonly keys: Map<string, number>;
  readonly changes: TileChanges;
}

/** Offsets by partition, none of which is before those of another position. */
function atLeast(to: readonly number[], least: readonly number[]): readonly number[] {
  return least.map((offset, partition) => Math.max(offset, to[partition] ?? 0));
}

function noneOf(layouts: readonly TileLayout[]): Map<TileLayout, Touched> {
  return new Map(layouts.map((layout) => [layout, { keys: new Map(), changes: new TileChanges() }]));
}

function rowsOf(waiting: readonly Unpublished[]): number {
  return waiting.reduce((sum, { change }) => change.tables.reduce((rows, table) => rows + table.rows, sum), 0);
}
