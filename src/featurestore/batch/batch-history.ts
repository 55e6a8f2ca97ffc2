import type { BatchViewData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import type { OfflineStore, OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';
import type { BatchGeneration, BatchRow } from '../../ports/online-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { generationRows, type KeptGeneration } from './generation-rows.ts';

/** Columns between the key and the features: the generation, as_of, visible_from. */
const GENERATION_COLUMNS = 3;

/** Keys of a generation, and those of them that the next one lacks. */
export interface KeysLost {
  readonly keys: number;
  readonly lost: number;
}

/**
 * The generations of a batch view in the offline store, in two steps around the switch of the online store. Its rows
 * are prepared before, and kept with the instant of the switch after. A crash between the two is repaired from the
 * prepared rows, so that the history always equals the served values.
 */
export class BatchHistory {
  readonly #view: BatchViewData;
  readonly #offline: OfflineStore;
  readonly #kept: OfflineTable;
  readonly #prepared: OfflineTable;

  constructor(view: BatchViewData, offline: OfflineStore) {
    this.#view = view;
    this.#offline = offline;
    this.#kept = batchTable(view);
    this.#prepared = { ...this.#kept, name: `${this.#kept.name}/prepared` };
  }

  /** The newest generation that is kept; null before the first. */
  async newest(): Promise<KeptGeneration | null> {
    return this.#newestWhere('true');
  }

  /** The newest generation that saw less than one. */
  async before({ asOf }: KeptGeneration): Promise<KeptGeneration | null> {
    return this.#newestWhere(`as_of < CAST(${asOf} AS BIGINT)`);
  }

  /** The rows of a kept generation. */
  async rowsOf({ generation }: KeptGeneration): Promise<readonly BatchRow[]> {
    const { entity, features } = this.#view;
    const { encode } = entityKeyCodec(entity.key);
    const keys = Object.values(entity.key).map(valueDecoder);
    const values = Object.values(features).map(valueDecoder);
    const first = keys.length + GENERATION_COLUMNS;
    const rows: BatchRow[] = [];
    const sql = `SELECT * FROM ${this.#offline.relation(this.#kept)} WHERE generation = CAST(${generation} AS BIGINT)`;
    for await (const batch of this.#offline.query(sql)) {
      for (const row of batch) {
        // The row of no entity is the sign of a generation without rows.
        const key = encode(keys.map((decode, i) => decode(row[i])));
        if (key !== null) rows.push({ key, values: values.map((decode, i) => decode(row[first + i])) });
      }
    }
    return rows;
  }

  /** How many keys a kept generation has, and how many of them are not among others. */
  async keysLost({ generation }: KeptGeneration, rows: readonly BatchRow[]): Promise<KeysLost> {
    const { key } = this.#view.entity;
    const { encode } = entityKeyCodec(key);
    const decoders = Object.values(key).map(valueDecoder);
    const found = new Set(rows.map((row) => row.key));
    const columns = Object.keys(this.#kept.columns)
      .slice(0, decoders.length)
      .map((name) => `"${name}"`);
    const sql = `SELECT ${columns.join(', ')} FROM ${this.#offline.relation(this.#kept)} WHERE generation = CAST(${generation} AS BIGINT)`;
    let keys = 0;
    let lost = 0;
    for await (const batch of this.#offline.query(sql)) {
      for (const row of batch) {
        const before = encode(decoders.map((decode, i) => decode(row[i])));
        if (before === null) continue;
        keys += 1;
        if (!found.has(before)) lost += 1;
      }
    }
    return { keys, lost };
  }

  async #newestWhere(condition: string): Promise<KeptGeneration | null> {
    const sql = `SELECT generation, as_of, visible_from FROM ${this.#offline.relation(this.#kept)} WHERE ${condition} ORDER BY generation DESC LIMIT 1`;
    for await (const [row] of this.#offline.query(sql)) {
      if (row !== undefined) return { generation: Number(row[0]), asOf: Number(row[1]), visibleFrom: Number(row[2]) };
    }
    return null;
  }

  /** Writes the rows of a generation where only {@link publish} sees them. */
  async prepare(generation: BatchGeneration, rows: readonly BatchRow[]): Promise<void> {
    await this.#publish('replace', this.#append(this.#prepared, generation, rows));
  }

  /** Adds a generation that readers see from `visibleFrom` on. */
  async keep(generation: BatchGeneration, rows: readonly BatchRow[]): Promise<void> {
    await this.#publish('append', this.#append(this.#kept, generation, rows));
  }

  /** Keeps the generation that the online store serves, if a crash came between its switch and its history. */
  async publish({ generation, asOf, visibleFrom }: BatchGeneration): Promise<void> {
    const columns: OfflineValue[][] = Object.keys(this.#kept.columns).map(() => []);
    const sql = `SELECT * REPLACE (CAST(${visibleFrom} AS BIGINT) AS visible_from)
FROM ${this.#offline.relation(this.#prepared)} WHERE generation = ${generation} AND as_of = ${asOf}`;
    for await (const rows of this.#offline.query(sql)) {
      for (const row of rows) for (let c = 0; c < columns.length; c += 1) columns[c].push(row[c]);
    }
    const [{ length }] = columns;
    if (length > 0) await this.#publish('append', { table: this.#kept, rows: length, columns });
  }

  async #publish(mode: 'append' | 'replace', append: TableAppend): Promise<void> {
    await this.#offline.publish({ writer: this.#kept.name, position: {}, mode, tables: [append] });
  }

  #append(table: OfflineTable, generation: BatchGeneration, rows: readonly BatchRow[]): TableAppend {
    return { table, ...generationRows(this.#view, generation, rows) };
  }
}
