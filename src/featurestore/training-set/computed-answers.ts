import type { BatchViewData, EventSourceData, ModelData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { SPINE_AT, SPINE_ID } from '../../features/plan/scan.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { Table } from '../../features/plan/table.ts';
import { spineQuery } from '../../features/sql/event-queries.ts';
import { pointInTimeQuery } from '../../features/sql/point-in-time.ts';
import type { HistoryEngine } from '../../ports/history-engine.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { parquetRelation } from '../parquet-relation.ts';
import type { Answers } from './point-in-time.ts';

export interface ComputedAnswersOptions {
  readonly model: ModelData;
  readonly offline: OfflineStore;
  readonly between: { readonly from: number | null; readonly to: number | null };
  readonly mode: ReadMode;
  /** Told in words how the engine goes on. */
  readonly onProgress: (text: string) => void;
}

/** Answers in files; `sql` reads them. */
export interface ComputedAnswers extends Answers {
  /** Removes the files. */
  drop(): void;
}

/** What the lookups of a model's service answered for the rows of its spine, computed by another engine as a whole. */
export async function computeAnswers(
  engine: HistoryEngine,
  { model, offline, between, mode, onProgress }: ComputedAnswersOptions,
): Promise<ComputedAnswers> {
  const { service, spine } = model;
  const tables = new Tables();
  const query = pointInTimeQuery({
    service,
    spine: `(${spineQuery(model, tables.deliveriesOf(spine.from), between, engine.dialect)})`,
    mode,
    counts: false,
    dialect: engine.dialect,
    deliveriesOf: (source) => tables.deliveriesOf(source),
    generationsOf: (view) => tables.generationsOf(view),
  });
  const name = `the answers of ${service.name}`;
  // Columns are read by their place: declared names need not be names of a file's columns.
  const others = Array.from({ length: query.width - 2 }, (_, i) => `c_${i}`);
  const sql = `SELECT * FROM (${query.statement.select}) AS answered(${[SPINE_ID, SPINE_AT, ...others].join(', ')})`;
  const session = await engine.open(onProgress);
  try {
    const { files, drop } = await offline.withFiles(tables.all, (ofTables) =>
      session.compute({
        tables: tables.all.map((table, i) => ({ name: tables.nameOf(table), table, files: ofTables[i] })),
        outputs: [{ name, steps: query.statement.steps, sql, slicedBy: [] }],
        slices: 1,
      }),
    );
    return { query, sql: `SELECT * FROM ${parquetRelation((files.get(name) ?? []).flat())}`, drop };
  } finally {
    await session.close();
  }
}

/** The tables that a query reads, and what it calls them. */
class Tables {
  readonly #names = new Map<string, Table>();

  deliveriesOf(source: EventSourceData): string {
    return this.#add(rawTable(source));
  }

  generationsOf(view: BatchViewData): string {
    return this.#add(batchTable(view));
  }

  get all(): readonly Table[] {
    return [...this.#names.values()];
  }

  nameOf(table: Table): string {
    return `history_${this.all.indexOf(table)}`;
  }

  #add(table: Table): string {
    if (!this.#names.has(table.name)) this.#names.set(table.name, table);
    return this.nameOf(this.#names.get(table.name) ?? table);
  }
}
