import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
} from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { SPINE_AT, SPINE_ID } from '../../features/plan/scan.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import { sqlColumns, type Table } from '../../features/plan/table.ts';
import type { Dialect } from '../../features/sql/dialect.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { spineQuery } from '../../features/sql/event-queries.ts';
import { pointInTimeQuery } from '../../features/sql/point-in-time.ts';
import type { BroughtTable, HistoryEngine } from '../../ports/history-engine.ts';
import { type OfflineStore, SQL_TYPES } from '../../ports/offline-store.ts';
import type { PastGenerations } from '../batch/past-generations.ts';
import { parquetRelation } from '../parquet-relation.ts';
import type { Answers } from './point-in-time.ts';

/** The rows that ask: those of a model, which the engine has, or SQL of the offline store, whose rows are brought to it. */
export type AskingRows =
  | { readonly model: ModelData; readonly between: { readonly from: number | null; readonly to: number | null } }
  | { readonly asked: string };

export interface ComputedAnswersOptions {
  readonly service: FeatureServiceData;
  readonly offline: OfflineStore;
  readonly rows: AskingRows;
  readonly mode: ReadMode;
  /** Runs of batch views in the past, which are brought to the engine. */
  readonly past: PastGenerations | null;
  /** Called with the engine's progress, in words. */
  readonly onProgress: (text: string) => void;
}

/** Answers in files; `sql` reads them. */
export interface ComputedAnswers extends Answers {
  /** Removes the files. */
  drop(): void;
}

/** The answers of a service's lookups for the rows of a spine, computed by another engine as a whole. */
export async function computeAnswers(
  engine: HistoryEngine,
  { service, offline, rows, mode, past, onProgress }: ComputedAnswersOptions,
): Promise<ComputedAnswers> {
  const tables = new Tables(offline, past);
  const asking = 'asked' in rows ? [askedTable(service, offline, rows.asked)] : [];
  const query = pointInTimeQuery({
    service,
    spine: 'asked' in rows ? ASKED_TABLE : `(${modelSpine(rows, tables, engine.dialect)})`,
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
        brought: [...asking, ...tables.brought],
        outputs: [{ name, steps: query.statement.steps, sql, slicedBy: [] }],
        slices: 1,
      }),
    );
    return { query, sql: `SELECT * FROM ${parquetRelation((files.get(name) ?? []).flat())}`, drop };
  } finally {
    await session.close();
  }
}

function modelSpine(
  { model, between }: Extract<AskingRows, { readonly model: ModelData }>,
  tables: Tables,
  dialect: Dialect,
): string {
  return spineQuery(model, tables.deliveriesOf(model.spine.from), between, dialect);
}

const ASKED_TABLE = 'asking';

/** Rows of `_id` (a number), `_at` and the request columns of a service, in the types that these have in tables. */
function askedTable({ request }: FeatureServiceData, offline: OfflineStore, asked: string): BroughtTable {
  const columns = { [SPINE_ID]: 'BIGINT', [SPINE_AT]: 'BIGINT', ...sqlColumns(request) } as const;
  const typed = Object.entries(columns).map(([name, type]) => {
    const column = duckdb.identifier(name);
    return `CAST(${column} AS ${SQL_TYPES[type]}) AS ${column}`;
  });
  const write = (path: string) => offline.exportParquet(`SELECT ${typed.join(', ')} FROM (${asked})`, path);
  return { name: ASKED_TABLE, columns, write };
}

/** The tables that a query reads, and what it calls them. */
class Tables {
  readonly #names = new Map<string, Table>();
  /** Past generations, by what the query calls them. */
  readonly #past = new Map<string, BroughtTable>();
  readonly #offline: OfflineStore;
  readonly #generations: PastGenerations | null;

  constructor(offline: OfflineStore, generations: PastGenerations | null) {
    this.#offline = offline;
    this.#generations = generations;
  }

  deliveriesOf(source: EventSourceData): string {
    return this.#add(rawTable(source));
  }

  generationsOf(view: BatchViewData): string {
    const table = batchTable(view);
    const kept = this.#add(table);
    const file = this.#generations?.fileOf(view) ?? null;
    if (file === null) return kept;
    const name = `past_${kept}`;
    const write = (path: string) => this.#offline.exportParquet(`SELECT * FROM ${parquetRelation([file])}`, path);
    this.#past.set(name, { name, columns: table.columns, write });
    return `(SELECT * FROM ${kept} UNION ALL SELECT * FROM ${name})`;
  }

  get brought(): readonly BroughtTable[] {
    return [...this.#past.values()];
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
