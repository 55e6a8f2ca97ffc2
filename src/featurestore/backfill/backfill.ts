import { fail } from '../../base/errors/fail.ts';
import type { PartRow } from '../../features/aggregate/aggregate.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import { STREAM_GENERATION } from '../../features/engine/stream-engine.ts';
import { tileTable } from '../../features/plan/tile-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { COUNT, MAX_TS, type TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../../features/tile/tile-run.ts';
import type { HistoryEngine } from '../../ports/history-engine.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { computedTileTables } from './computed-tile-tables.ts';
import { type Between, type TileTablesOptions, tileTables } from './tile-tables.ts';

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
 * still open stays with the stream, which loses nothing. One batch per hop, or slice of one.
 */
export async function* backfillTiles(options: BackfillOptions): AsyncGenerator<readonly TileWrite[]> {
  const { layout, offline, engine, logClock, between = EVER, onProgress } = options;
  // A row of any age can be changed: no tile is ever closed.
  if (layout.view.source.changes !== undefined) throw fail('BACKFILL_CHANGES', { view: layout.view.name });
  // No event has come yet, so that no tile is closed.
  if (logClock === Number.NEGATIVE_INFINITY) return;
  const generation = (await newestGeneration(layout.view, offline)) + 1;
  const batches = computedTiles({ layout, offline, engine, generation, closedAt: logClock, between, onProgress });
  for await (const tiles of batches) {
    for (let from = 0; from < tiles.length; from += LOOK_EVERY) {
      if (options.signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `backfill ${layout.view.name}` });
      yield tiles.slice(from, from + LOOK_EVERY);
    }
  }
}

/** Tiles between two looks whether the backfill was cancelled. */
const LOOK_EVERY = 10_000;

/** Every tile of a view from the raw deliveries, as the stream would have written it: to be run while no event comes. */
export function allTiles(
  layout: TileLayout,
  offline: OfflineStore,
  engine: HistoryEngine | null,
): AsyncGenerator<readonly TileWrite[]> {
  const closedAt = Number.POSITIVE_INFINITY;
  return computedTiles({ layout, offline, engine, generation: STREAM_GENERATION, closedAt, between: EVER });
}

async function* computedTiles(
  options: TileTablesOptions & { readonly engine: HistoryEngine | null },
): AsyncGenerator<readonly TileWrite[]> {
  const { layout, offline, engine, generation } = options;
  const tables = engine === null ? tileTables(options) : computedTileTables(engine, options);
  for await (const { hopMs, tiles, parts } of tables) {
    const keys = new TileKeys(layout, hopMs, generation);
    for await (const rows of offline.query(tiles)) for (const row of rows) keys.addTile(row);
    for (const [name, sql] of Object.entries(parts)) {
      const ordered = `SELECT * FROM (${sql}) AS parts ORDER BY ${keys.order}`;
      const ofTiles = new PartsOfTile(keys, name);
      for await (const rows of offline.query(ordered)) for (const row of rows) ofTiles.add(row);
      ofTiles.finish();
    }
    yield keys.writes();
  }
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

/** Tiles of one hop being put together, by key. */
class TileKeys {
  /** The columns that tell tiles apart. */
  readonly order: string;
  readonly #layout: TileLayout;
  readonly #hopMs: number;
  readonly #generation: number;
  readonly #runs = new Map<string, TileRun>();
  readonly #keyOf: (row: readonly OfflineValue[]) => string;
  readonly #width: number;

  constructor(layout: TileLayout, hopMs: number, generation: number) {
    const { key } = layout.view.entity;
    const decoders = Object.values(key).map(valueDecoder);
    const { encode } = entityKeyCodec(key);
    this.#layout = layout;
    this.#hopMs = hopMs;
    this.#generation = generation;
    this.#width = decoders.length;
    this.#keyOf = (row) => encode(decoders.map((decode, i) => decode(row[i]))) ?? '';
    this.order = [...Object.keys(key).map((name) => `k_${name}`), 'tile_start'].join(', ');
  }

  /** A row of the tile table: key, tile_start, n, version, max_ts, scalar columns. */
  addTile(row: readonly OfflineValue[]): void {
    const { run, index } = this.tileOf(row);
    const at = index * this.#layout.numbers;
    run.nums[at + COUNT] = Number(row[this.#width + 1]);
    run.nums[at + MAX_TS] = Number(row[this.#width + 3]);
    let next = this.#width + 4;
    for (const { aggregate, num, obj } of this.#layout.partials) {
      const values = row.slice(next, next + aggregate.columns.length).map(columnValue);
      if (values.length > 0) aggregate.fromColumns(run, at + num, index * this.#layout.objects + obj, values);
      next += aggregate.columns.length;
    }
  }

  tileOf(row: readonly OfflineValue[]): { readonly run: TileRun; readonly index: number } {
    const key = this.#keyOf(row);
    const run = this.#runs.get(key) ?? emptyRun(this.#layout);
    this.#runs.set(key, run);
    return { run, index: tileAt(run, this.#layout, Number(row[this.#width]), this.#generation) };
  }

  /** Gives a tile the parts of one aggregate; `row` is any row of it. */
  setParts(row: readonly OfflineValue[], name: string, parts: readonly PartRow[]): void {
    const { run, index } = this.tileOf(row);
    const place = this.#layout.partials.find((partial) => partial.name === name);
    if (place === undefined) return;
    place.aggregate.parts?.fromParts(
      run,
      index * this.#layout.numbers + place.num,
      index * this.#layout.objects + place.obj,
      parts,
    );
  }

  /** Key and tile start of a row, as one text. */
  nameOf(row: readonly OfflineValue[]): string {
    return `${String(row[this.#width])} ${this.#keyOf(row)}`;
  }

  writes(): readonly TileWrite[] {
    const writes: TileWrite[] = [];
    for (const [key, run] of this.#runs) {
      for (let index = 0; index < run.length; index += 1)
        writes.push({ layout: this.#layout, hopMs: this.#hopMs, key, run, index });
    }
    return writes;
  }
}

/** Collects the rows of one tile's parts, which come together. */
class PartsOfTile {
  readonly #keys: TileKeys;
  readonly #name: string;
  #row: readonly OfflineValue[] | null = null;
  #parts: PartRow[] = [];

  constructor(keys: TileKeys, name: string) {
    this.#keys = keys;
    this.#name = name;
  }

  /** A row of the parts table: key, tile_start, version, part, value. */
  add(row: readonly OfflineValue[]): void {
    if (this.#row !== null && this.#keys.nameOf(row) !== this.#keys.nameOf(this.#row)) this.finish();
    this.#row = row;
    this.#parts.push({ part: partValue(row.at(-2)), value: partValue(row.at(-1)) });
  }

  finish(): void {
    if (this.#row !== null) this.#keys.setParts(this.#row, this.#name, this.#parts);
    this.#row = null;
    this.#parts = [];
  }
}

function columnValue(value: OfflineValue): bigint | string | number | null {
  return typeof value === 'bigint' || typeof value === 'string' || typeof value === 'number' ? value : null;
}

function partValue(value: OfflineValue | undefined): bigint | string {
  return typeof value === 'bigint' || typeof value === 'string' ? value : BigInt(Number(value));
}
