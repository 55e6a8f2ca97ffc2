import type { PartRow } from '../../features/aggregate/aggregate.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { COUNT, MAX_TS, type TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../../features/tile/tile-run.ts';
import type { OfflineValue } from '../../ports/offline-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { keyOrder } from './key-slices.ts';
import type { TileTables } from './tile-tables.ts';

type Row = readonly OfflineValue[];

/** Gives the rows of SQL by key and the other columns of `order`. */
export type Sort = (sql: string, order: readonly string[]) => Promise<AsyncIterable<readonly Row[]>>;

/** The tiles of a key, by hop. */
export interface TilesOfKey {
  readonly key: string;
  readonly runs: readonly TileRun[];
}

/**
 * The tiles that tables have of each key, one key after the other, about in the order in which a store has them: a store of millions of keys
 * is written from its beginning to its end, and memory has one key at a time. The engine sorts, on disk where it has to.
 */
export async function* tilesByKey(
  layout: TileLayout,
  generation: number,
  tables: readonly TileTables[],
  sort: Sort,
): AsyncGenerator<TilesOfKey> {
  if (tables.length === 0) return;
  const rows = new TileRows(layout, generation);
  const order = [...keyOrder(layout), 'hop', 'tile_start'];
  const sorted = async (sqls: readonly (string | undefined)[]) => new Rows(await sort(rows.all(tables, sqls), order));
  const tiles = await sorted(tables.map((table) => table.tiles));
  const names = [...new Set(tables.flatMap(({ parts }) => Object.keys(parts)))];
  const parts: { readonly name: string; readonly rows: Rows }[] = [];
  for (const name of names) parts.push({ name, rows: await sorted(tables.map((table) => table.parts[name])) });
  try {
    let of: TilesOfKey | null = null;
    for (let row = await tiles.next(); row !== null; row = await tiles.next()) {
      const key = rows.keyOf(row);
      if (of === null || of.key !== key) {
        if (of !== null) yield of;
        of = { key, runs: layout.view.hopsMs.map(() => emptyRun(layout)) };
      }
      const index = rows.add(row, of);
      for (const { name, rows: own } of parts) await rows.addParts(row, of, { name, index, from: own });
    }
    if (of !== null) yield of;
    for (const { name, rows: own } of parts)
      if ((await own.next()) !== null) throw new RangeError(`parts of ${name} are of no tile`);
  } finally {
    await tiles.close();
    for (const { rows: own } of parts) await own.close();
  }
}

/** Rows of a query, one by one. */
class Rows {
  readonly #query: AsyncIterator<readonly Row[]>;
  #some: readonly Row[] = [];
  #at = 0;

  constructor(query: AsyncIterable<readonly Row[]>) {
    this.#query = query[Symbol.asyncIterator]();
  }

  async next(): Promise<Row | null> {
    while (this.#at === this.#some.length) {
      const read = await this.#query.next();
      if (read.done === true) return null;
      this.#some = read.value;
      this.#at = 0;
    }
    this.#at += 1;
    return this.#some[this.#at - 1];
  }

  /** The last row comes once more. */
  back(): void {
    this.#at -= 1;
  }

  async close(): Promise<void> {
    await this.#query.return?.();
  }
}

/** The rows of a view's tiles and parts: the hop, the columns of the key, `tile_start`, then those of the table. */
class TileRows {
  readonly #layout: TileLayout;
  readonly #generation: number;
  readonly #decoders: readonly ReturnType<typeof valueDecoder>[];
  readonly #encode: ReturnType<typeof entityKeyCodec>['encode'];
  readonly #width: number;

  constructor(layout: TileLayout, generation: number) {
    const { key } = layout.view.entity;
    this.#layout = layout;
    this.#generation = generation;
    this.#decoders = Object.values(key).map(valueDecoder);
    this.#encode = entityKeyCodec(key).encode;
    this.#width = this.#decoders.length;
  }

  /** The rows of tables, whose SQL is given. */
  all(tables: readonly TileTables[], sqls: readonly (string | undefined)[]): string {
    const hops = tables.flatMap(({ hopMs }, i) => {
      const hop = this.#layout.view.hopsMs.indexOf(hopMs);
      return sqls[i] === undefined ? [] : [`SELECT ${hop} AS hop, * FROM (${sqls[i]}) AS of_hop`];
    });
    return hops.join(' UNION ALL ');
  }

  keyOf(row: Row): string {
    return this.#encode(this.#decoders.map((decode, i) => decode(row[i + 1]))) ?? '';
  }

  /** Adds a row of the tile table: key, tile_start, n, version, max_ts, scalar columns. Returns the index of the tile. */
  add(row: Row, { runs }: TilesOfKey): number {
    const { numbers, objects, partials } = this.#layout;
    const run = runs[Number(row[0])];
    const index = tileAt(run, this.#layout, this.#startOf(row), this.#generation);
    const at = index * numbers;
    run.nums[at + COUNT] = Number(row[this.#width + 2]);
    run.nums[at + MAX_TS] = Number(row[this.#width + 4]);
    let next = this.#width + 5;
    for (const { aggregate, num, obj } of partials) {
      const values = row.slice(next, next + aggregate.columns.length).map(columnValue);
      if (values.length > 0) aggregate.fromColumns(run, at + num, index * objects + obj, values);
      next += aggregate.columns.length;
    }
    return index;
  }

  /** Adds the rows of the parts table that are of a tile: key, tile_start, version, part, value. */
  async addParts(
    tile: Row,
    { key, runs }: TilesOfKey,
    { name, index, from }: { readonly name: string; readonly index: number; readonly from: Rows },
  ): Promise<void> {
    const parts: PartRow[] = [];
    for (let row = await from.next(); row !== null; row = await from.next()) {
      if (Number(row[0]) !== Number(tile[0]) || this.#startOf(row) !== this.#startOf(tile) || this.keyOf(row) !== key) {
        from.back();
        break;
      }
      parts.push({ part: partValue(row.at(-2)), value: partValue(row.at(-1)) });
    }
    const place = this.#layout.partials.find((partial) => partial.name === name);
    if (place === undefined || parts.length === 0) return;
    const { numbers, objects } = this.#layout;
    const run = runs[Number(tile[0])];
    place.aggregate.parts?.fromParts(run, index * numbers + place.num, index * objects + place.obj, parts);
  }

  #startOf(row: Row): number {
    return Number(row[this.#width + 1]);
  }
}

function columnValue(value: OfflineValue): bigint | string | number | null {
  return typeof value === 'bigint' || typeof value === 'string' || typeof value === 'number' ? value : null;
}

function partValue(value: OfflineValue | undefined): bigint | string {
  return typeof value === 'bigint' || typeof value === 'string' ? value : BigInt(Number(value));
}
