import { partsTable, tileTable } from '../../features/plan/tile-table.ts';
import { COUNT, GENERATION, MAX_TS, START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { tileVersion } from '../../features/tile/version.ts';
import type { OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { GrowingColumn } from './growing-column.ts';

/** Collects tiles of one (view, hop) as rows of the view's offline tables: the scalar partials and, apart, the parts. */
export class TileTableWriter {
  readonly #layout: TileLayout;
  readonly #decodeKey: (key: string) => readonly OfflineValue[];
  readonly #tiles: Rows;
  readonly #parts: readonly (Rows | null)[];

  constructor(layout: TileLayout, hopMs: number) {
    this.#layout = layout;
    this.#decodeKey = entityKeyCodec(layout.view.entity.key).decode;
    this.#tiles = new Rows(tileTable(layout.view, hopMs));
    this.#parts = layout.view.aggregates.map((spec) => {
      const table = partsTable(layout.view, hopMs, spec);
      return table === null ? null : new Rows(table);
    });
  }

  /** Adds the tiles of a key that start at the given instants; one that has left the memory is passed over. */
  addAll(key: string, run: TileRun, starts: readonly number[]): void {
    if (starts.length === 0) return;
    const parts = this.#decodeKey(key);
    for (const start of starts) {
      const index = lowerBound(run, this.#layout, start);
      if (index < run.length && run.nums[index * this.#layout.numbers + START] === start) this.#add(parts, run, index);
    }
  }

  /** The rows collected, by table. */
  appends(): readonly TableAppend[] {
    return [this.#tiles, ...this.#parts]
      .filter((rows) => rows !== null && rows.count > 0)
      .map((rows) => (rows ?? this.#tiles).append());
  }

  /** Hot path: once for every tile that changed. */
  #add(key: readonly OfflineValue[], run: TileRun, index: number): void {
    const { numbers, objects, partials } = this.#layout;
    const at = index * numbers;
    const start = run.nums[at + START];
    const version = versionOf(run.nums[at + GENERATION], run.nums[at + COUNT]);
    const tiles = this.#tiles.begin();
    for (const part of key) tiles.add(part);
    tiles.add(start);
    tiles.add(run.nums[at + COUNT]);
    tiles.add(version);
    tiles.add(run.nums[at + MAX_TS]);
    for (let p = 0; p < partials.length; p += 1) {
      const { aggregate, num, obj } = partials[p];
      if (aggregate.toNumbers?.(run.nums, at + num, scratch, 0) === true)
        for (let c = 0; c < aggregate.columns.length; c += 1) tiles.add(scratch[c]);
      else for (const value of aggregate.toColumns(run, at + num, index * objects + obj)) tiles.add(value);
      const rows = this.#parts[p];
      if (rows === null || aggregate.parts === null) continue;
      for (const { part, value } of aggregate.parts.toParts(run, at + num, index * objects + obj)) {
        const row = rows.begin();
        for (const own of key) row.add(own);
        row.add(start);
        row.add(version);
        row.add(part);
        row.add(value);
      }
    }
  }
}

/** The columns of one partial as numbers; no kind has as many. */
const scratch = new Float64Array(16);

/** Generations up to here make versions that a double holds. */
const MOST_SAFE_GENERATION = 8_191;

function versionOf(generation: number, n: number): number | bigint {
  return generation > MOST_SAFE_GENERATION ? tileVersion(generation, n) : generation * 2 ** 40 + n;
}

/** Rows of one table, by column, written cell by cell. */
class Rows {
  count = 0;
  readonly #table: OfflineTable;
  readonly #columns: readonly GrowingColumn[];
  #column = 0;

  constructor(table: OfflineTable) {
    this.#table = table;
    this.#columns = Object.keys(table.columns).map(() => new GrowingColumn());
  }

  begin(): this {
    this.count += 1;
    this.#column = 0;
    return this;
  }

  /** The next cell of the row. A whole number that a double holds is one: it is staged as it is. */
  add(value: OfflineValue): void {
    const isSafe = typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
    this.#columns[this.#column].push(isSafe ? Number(value) : value);
    this.#column += 1;
  }

  append(): TableAppend {
    return { table: this.#table, rows: this.count, columns: this.#columns.map((column) => column.values(this.count)) };
  }
}
