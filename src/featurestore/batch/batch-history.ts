import type { BatchViewData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import type { OfflineStore, OfflineTable, QueryAppend } from '../../ports/offline-store.ts';
import type { BatchGeneration } from '../../ports/online-store.ts';
import { generationSql, type KeptGeneration } from './generation-rows.ts';
import { isOfEntity, keyNames, type RunRows } from './run-rows.ts';

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
  async rowsOf({ generation }: KeptGeneration): Promise<RunRows> {
    // The row of no entity is the sign of a generation without rows.
    const where = `generation = CAST(${generation} AS BIGINT) AND ${isOfEntity(this.#view)}`;
    const relation = `(SELECT * FROM ${this.#offline.relation(this.#kept)} AS kept WHERE ${where})`;
    return { relation, rows: await this.#count(relation), nullKeys: 0 };
  }

  /** How many keys a kept generation has, and how many of them are not among others. Neither are in this process's memory. */
  async keysLost(generation: KeptGeneration, rows: RunRows): Promise<KeysLost> {
    const before = await this.rowsOf(generation);
    const keys = keyNames(this.#view).join(', ');
    if (before.rows === 0 || rows.rows === 0) return { keys: before.rows, lost: before.rows };
    const lost = `(SELECT ${keys} FROM ${before.relation} AS before ANTI JOIN ${rows.relation} AS run USING (${keys}))`;
    return { keys: before.rows, lost: await this.#count(lost) };
  }

  async #count(relation: string): Promise<number> {
    for await (const [row] of this.#offline.query(`SELECT COUNT(*) FROM ${relation} AS counted`)) return Number(row[0]);
    return 0;
  }

  async #newestWhere(condition: string): Promise<KeptGeneration | null> {
    const sql = `SELECT generation, as_of, visible_from FROM ${this.#offline.relation(this.#kept)} WHERE ${condition} ORDER BY generation DESC LIMIT 1`;
    for await (const [row] of this.#offline.query(sql)) {
      if (row !== undefined) return { generation: Number(row[0]), asOf: Number(row[1]), visibleFrom: Number(row[2]) };
    }
    return null;
  }

  /** Writes the rows of a generation where only {@link keep} sees them. */
  async prepare(generation: BatchGeneration, rows: RunRows): Promise<void> {
    await this.#publish('replace', { table: this.#prepared, sql: generationSql(this.#view, generation, rows) });
  }

  /**
   * Adds the generation that was prepared last, which readers see from `visibleFrom` on; nothing where another was. It repairs the history
   * after a crash too.
   */
  async keep({ generation, asOf, visibleFrom }: BatchGeneration): Promise<void> {
    const sql = `SELECT * REPLACE (CAST(${visibleFrom} AS BIGINT) AS visible_from)
FROM ${this.#offline.relation(this.#prepared)} AS prepared WHERE generation = ${generation} AND as_of = ${asOf}`;
    if ((await this.#count(`(${sql})`)) > 0) await this.#publish('append', { table: this.#kept, sql });
  }

  async #publish(mode: 'append' | 'replace', append: QueryAppend): Promise<void> {
    await this.#offline.publishQueries({ writer: this.#kept.name, position: {}, mode, appends: [append] });
  }
}
