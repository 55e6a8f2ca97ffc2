import { partsTable, tileTable } from '../../features/plan/tile-table.ts';
import { COUNT, GENERATION, MAX_TS, START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { tileVersion } from '../../features/tile/version.ts';
import type { OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';

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

  #add(key: readonly OfflineValue[], run: TileRun, index: number): void {
    const { numbers, objects, partials } = this.#layout;
    const at = index * numbers;
    const start = run.nums[at + START];
    const version = tileVersion(run.nums[at + GENERATION], run.nums[at + COUNT]);
    const scalars: OfflineValue[] = [];
    partials.forEach(({ aggregate, num, obj }, p) => {
      scalars.push(...aggregate.toColumns(run, at + num, index * objects + obj));
      const rows = this.#parts[p];
      if (rows === null || aggregate.parts === null) return;
      for (const { part, value } of aggregate.parts.toParts(run, at + num, index * objects + obj)) {
        rows.push([...key, start, version, part, value]);
      }
    });
    this.#tiles.push([...key, start, run.nums[at + COUNT], version, run.nums[at + MAX_TS], ...scalars]);
  }
}

/** Rows of one table, by column. */
class Rows {
  count = 0;
  readonly #table: OfflineTable;
  readonly #columns: OfflineValue[][];

  constructor(table: OfflineTable) {
    this.#table = table;
    this.#columns = Object.keys(table.columns).map(() => []);
  }

  push(row: readonly OfflineValue[]): void {
    for (let c = 0; c < row.length; c += 1) this.#columns[c].push(row[c]);
    this.count += 1;
  }

  append(): TableAppend {
    return { table: this.#table, rows: this.count, columns: this.#columns };
  }
}
