import { floorTo } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { Admission, type Verdict } from '../../features/engine/admission.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { countedAt, viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
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
import { GrowingColumn } from './growing-column.ts';
import { inSlices } from './in-slices.ts';
import { offsetsOf, readDeliveries, type TakeDeliveries } from './log-cursor.ts';
import type { NewestTiles } from './newest-tiles.ts';
import { placeInTopics } from './place-in-topics.ts';
import { rememberIds } from './remember-ids.ts';
import type { TileCache } from './tile-cache.ts';
import { NO_CHANGE, TileChanges } from './tile-changes.ts';
import { TileTableWriter } from './tile-table-writer.ts';

/** Names under which the two offline readers keep their positions. */
export const RAW_READER = 'deliveries';
export const TILE_READER = 'tiles';

export interface ArchiveOptions {
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  /** The tiles' newest content. */
  readonly tiles: TileCache;
  /** Where another engine writes the tiles; left out: they are made here, of the log. */
  readonly topics?: TileTopics | undefined;
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
  readonly #early: (() => void)[] = [];
  readonly #raw = new Map<string, RawBuffer>();
  #touched: Map<TileLayout, Touched> = new Map();
  /** The log clock when tiles were last published. */
  publishedClock = Number.NEGATIVE_INFINITY;
  /** Changes that are on their way, or could not be published: in order, for each reader. */
  readonly #unpublished: { readonly deliveries: OfflineChange[]; readonly tiles: OfflineChange[] } = {
    deliveries: [],
    tiles: [],
  };
  #touchedTiles = 0;
  #publishing: Promise<void> = Promise.resolve();

  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#touched = noneOf(options.layouts);
  }

  /** Reads its positions and takes from the log what they do not have; the materialiser must have caught up before. */
  async open(applied: Position): Promise<void> {
    this.#stage = 'opening';
    const { sources, offline, topics, newest } = this.#options;
    const raw = await offline.position(RAW_READER);
    const tiles = await offline.position(TILE_READER);
    for (const source of sources) await this.#openSource(source, { raw, tiles }, applied[topicOf(source)]);
    if (topics !== undefined && newest === undefined) await this.#touchTopics(topics, tiles, applied);
    this.#stage = 'open';
    for (const take of this.#early.splice(0)) take();
  }

  async #openSource(
    source: EventSourceData,
    { raw, tiles }: { readonly raw: Position | null; readonly tiles: Position | null },
    to: readonly number[] | undefined,
  ): Promise<void> {
    const { log, rowsOf, topics } = this.#options;
    const begins = (await log.ends(topicOf(source))).map(({ begin }) => begin);
    const buffer = new RawBuffer(source, offsetsOf(raw, source, begins));
    this.#raw.set(source.name, buffer);
    await refill(buffer, this.#options, to);
    if (topics !== undefined) return;
    const layouts = this.#options.layouts.filter(({ view }) => view.source.name === source.name);
    const from = offsetsOf(tiles, source, begins);
    await readDeliveries(log, source, rowsOf(source), from, (_p, _o, ds) => this.#touchAll(layouts, ds), to);
  }

  /** Takes judged deliveries. */
  take({ source, partition, offset, deliveries, verdicts }: JudgedDeliveries): void {
    // It reads earlier deliveries from the log.
    if (this.#stage === 'closed') return;
    const take = () => this.#raw.get(source.name)?.take(partition, offset, deliveries, verdicts);
    if (this.#stage === 'opening') this.#early.push(take);
    else take();
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

  /** Deliveries and tiles that wait to be published. */
  get waiting(): { readonly deliveries: number; readonly tiles: number } {
    let deliveries = rowsOf(this.#unpublished.deliveries);
    for (const buffer of this.#raw.values()) deliveries += buffer.rows;
    const newest = this.#options.newest?.size ?? 0;
    return { deliveries, tiles: this.#touchedTiles + newest + rowsOf(this.#unpublished.tiles) };
  }

  /** The first offset, by partition, that a restart has to read: what is not published, and the ids that still matter to it. */
  async keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const { log, offline, layouts, topics } = this.#options;
    const topic = topicOf(source);
    const begins = (await log.ends(topic)).map(({ begin }) => begin);
    const raw = offsetsOf(await offline.position(RAW_READER), source, begins);
    const hasTiles = topics === undefined && layouts.some(({ view }) => view.source.name === source.name);
    const tiles = hasTiles ? offsetsOf(await offline.position(TILE_READER), source, begins) : raw;
    const { memoryMs } = new Admission(source);
    return Promise.all(
      begins.map(async (begin, partition) => {
        const next = Math.min(raw[partition], tiles[partition]);
        if (next <= begin) return begin;
        const { records } = await log.read(topic, partition, raw[partition] - 1, 1);
        const [last] = records;
        return last === undefined
          ? next
          : Math.min(next, await log.offsetAtIngest(topic, partition, last.ingestTs - memoryMs));
      }),
    );
  }

  /** Publishes the deliveries taken so far; runs after a publish that is under way. */
  publishDeliveries(): Promise<void> {
    const taken = [...this.#raw.values()].map((buffer) => buffer.drain());
    this.#await(this.#unpublished.deliveries, {
      writer: RAW_READER,
      position: Object.fromEntries(taken.map(({ topic, next }) => [topic, next])),
      mode: 'append',
      tables: taken.map(({ append }) => append).filter(({ rows }) => rows > 0),
    });
    return this.#inTurn(() => this.#publishAll(this.#unpublished.deliveries));
  }

  /**
   * Publishes the touched tiles at their newest content; `applied` and `clock` are the materialiser's, which has
   * reported all changes.
   */
  publishTiles(applied: Position, clock: number): Promise<void> {
    return this.#inTurn(async () => {
      const tables = await this.#drainTiles();
      this.#await(this.#unpublished.tiles, { writer: TILE_READER, position: applied, mode: 'append', tables });
      await this.#publishAll(this.#unpublished.tiles);
      this.publishedClock = clock;
    });
  }

  #await(unpublished: OfflineChange[], change: OfflineChange): void {
    if (change.tables.length > 0) unpublished.push(change);
  }

  /** One that fails stays the first: were a later one published before it, its rows would be missing for ever. */
  async #publishAll(unpublished: OfflineChange[]): Promise<void> {
    for (let change = unpublished[0]; change !== undefined; change = unpublished[0]) {
      await publishStorable(this.#options.offline, change);
      unpublished.shift();
    }
  }

  #inTurn(publish: () => Promise<void>): Promise<void> {
    const turn = this.#publishing.then(publish);
    this.#publishing = turn.catch(() => undefined);
    return turn;
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
        const { runs } = this.#options.tiles.tilesOf(layout, key);
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

/** Touched tiles of a view: by key its newest change. */
interface Touched {
  readonly keys: Map<string, number>;
  readonly changes: TileChanges;
}

function noneOf(layouts: readonly TileLayout[]): Map<TileLayout, Touched> {
  return new Map(layouts.map((layout) => [layout, { keys: new Map(), changes: new TileChanges() }]));
}

/** Takes from the log what a buffer does not have, up to `to`, judged again with the ids that were known before it. */
async function refill(
  buffer: RawBuffer,
  { log, rowsOf }: ArchiveOptions,
  to: readonly number[] | undefined,
): Promise<void> {
  const { source } = buffer;
  const from = [...buffer.next];
  const ends = to ?? (await log.ends(topicOf(source))).map(({ end }) => end);
  if (from.every((next, partition) => next >= ends[partition])) return;
  const admission = new Admission(source);
  await rememberIds(log, source, rowsOf(source), admission, from);
  const take: TakeDeliveries = (partition, offset, deliveries) => {
    const verdicts = deliveries.map((delivery) =>
      delivery.row.length === 0 ? 'duplicate' : admission.judge(delivery, partition),
    );
    buffer.take(partition, offset, deliveries, verdicts);
  };
  await readDeliveries(log, source, rowsOf(source), from, take, ends);
}

function rowsOf(changes: readonly OfflineChange[]): number {
  return changes.reduce((sum, { tables }) => tables.reduce((rows, table) => rows + table.rows, sum), 0);
}

/** Deliveries of one source on their way to its raw table, by column. */
class RawBuffer {
  readonly source: EventSourceData;
  /** Next offset to take, by partition. */
  readonly next: number[];
  #rows = 0;
  #columns: GrowingColumn[];

  constructor(source: EventSourceData, next: number[]) {
    this.source = source;
    this.next = next;
    this.#columns = this.#empty();
  }

  get rows(): number {
    return this.#rows;
  }

  /** Takes deliveries that come next; what it has already is passed over. */
  take(partition: number, offset: number, deliveries: readonly Delivery[], verdicts: readonly Verdict[]): void {
    const known = this.next[partition] - offset;
    if (known < 0) return;
    const columns = this.#columns;
    const width = columns.length - 4;
    for (let d = known; d < deliveries.length; d += 1) {
      const { row, ingestTs } = deliveries[d];
      if (row.length === 0) continue;
      for (let c = 0; c < width; c += 1) columns[c].push(row[c]);
      columns[width].push(ingestTs);
      columns[width + 1].push(partition);
      columns[width + 2].push(offset + d);
      columns[width + 3].push(verdicts[d]);
      this.#rows += 1;
    }
    this.next[partition] = Math.max(this.next[partition], offset + deliveries.length);
  }

  drain(): { readonly topic: string; readonly next: readonly number[]; readonly append: TableAppend } {
    const rows = this.#rows;
    const columns = this.#columns.map((column) => column.values(rows));
    this.#columns = this.#empty();
    this.#rows = 0;
    return {
      topic: topicOf(this.source),
      next: [...this.next],
      append: { table: rawTable(this.source), rows, columns },
    };
  }

  #empty(): GrowingColumn[] {
    return Object.keys(rawTable(this.source).columns).map(() => new GrowingColumn());
  }
}
