import { decimalDouble } from '../../model/cell-number.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import type { ColumnProfile } from './column-profile.ts';

/** A column of a table to be profiled. */
export interface ProfiledColumn {
  /** As the profile names it. */
  readonly name: string;
  /** As the table names it. */
  readonly column: string;
  readonly spec: ColumnSpec;
}

export interface ProfiledTable {
  /** Text for a FROM clause. */
  readonly relation: string;
  /** Which rows, as SQL. */
  readonly where: string;
  readonly columns: readonly ProfiledColumn[];
  /** A LIST<STRING> column that names the columns without an answer; null: none has. */
  readonly missing: string | null;
}

type History = Pick<OfflineStore, 'query'>;

/** Profiles every column of a table by SQL: one scan for counts, one for the sketches. */
export async function profileTable(
  history: History,
  table: ProfiledTable,
): Promise<ReadonlyMap<string, ColumnProfile>> {
  if (table.columns.length === 0) return new Map();
  const [row = []] = await readRows(history, countsSql(table));
  const rows = Number(row[0]);
  // A statement for each column: a project with many services has rows of few.
  const sketches = rows === 0 ? new Map<string, readonly number[]>() : await readSketches(history, table);
  return new Map(
    table.columns.map(({ name, column, spec }, i) => {
      const [missing, nulls, zeros, outOfRange, least, greatest, sum] = row.slice(1 + i * COUNTS, 1 + (i + 1) * COUNTS);
      return [
        name,
        {
          rows,
          missing: Number(missing),
          nulls: Number(nulls),
          zeros: Number(zeros),
          outOfRange: Number(outOfRange),
          least: numberOr(least, spec),
          greatest: numberOr(greatest, spec),
          sum: numberOr(sum, spec),
          registers: sketches.get(column) ?? [],
        },
      ];
    }),
  );
}

/** All rows of a query. */
export async function readRows(history: History, sql: string): Promise<readonly (readonly OfflineValue[])[]> {
  const all: (readonly OfflineValue[])[] = [];
  for await (const rows of history.query(sql)) all.push(...rows);
  return all;
}

const COUNTS = 7;

function countsSql({ relation, where, columns, missing }: ProfiledTable): string {
  const counts = columns.flatMap(({ name, column, spec }) => {
    const c = quoted(column);
    const numeric = isNumeric(spec);
    const unanswered = missing === null ? 'false' : `list_contains(${missing}, ${literal(name)})`;
    const zero = zeroSql(c, spec);
    return [
      `COUNT(*) FILTER (WHERE ${unanswered})`,
      `COUNT(*) FILTER (WHERE ${c} IS NULL AND NOT ${unanswered})`,
      `COUNT(*) FILTER (WHERE ${zero})`,
      `COUNT(*) FILTER (WHERE ${outside(c, spec)})`,
      ...(['MIN', 'MAX', 'SUM'] as const).map((of) => (numeric ? `CAST(${of}(${c}) AS DOUBLE)` : 'NULL')),
    ];
  });
  return `SELECT COUNT(*), ${counts.join(', ')} FROM ${relation} AS t WHERE ${where}`;
}

/** The registers of `features/aggregate/approx-distinct.ts`, by DuckDB: the same bits of the same MD5. */
async function readSketches(
  history: History,
  { relation, where, columns }: ProfiledTable,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const sketches = new Map<string, number[]>();
  for (const { column, spec } of columns) {
    if (spec.type === 'list') continue;
    const sql = `
SELECT bucket, MAX(CASE WHEN rest = 0 THEN 53 ELSE 53 - LENGTH(BIN(rest)) END) AS rho FROM (
  SELECT CAST('0x' || SUBSTRING(digest, 1, 3) AS BIGINT) AS bucket, CAST('0x' || SUBSTRING(digest, 4, 13) AS BIGINT) AS rest
  FROM (SELECT MD5(CAST(${quoted(column)} AS VARCHAR)) AS digest FROM ${relation} AS t WHERE ${where}) AS hashed
  WHERE digest IS NOT NULL) AS placed
GROUP BY bucket ORDER BY bucket`;
    sketches.set(
      column,
      (await readRows(history, sql)).map(([bucket, rho]) => Number(bucket) * 64 + Number(rho)),
    );
  }
  return sketches;
}

/** Nothing by its type: zero, the empty text, an embedding of zeros. */
function zeroSql(column: string, spec: ColumnSpec): string {
  if (isNumeric(spec)) return `${column} = 0`;
  if (spec.type === 'embedding') return `LIST_MIN(${column}) = 0 AND LIST_MAX(${column}) = 0`;
  return spec.type === 'text' ? `${column} = ''` : 'false';
}

function outside(column: string, { range, type, scale = 0 }: ColumnSpec): string {
  if (range === undefined) return 'false';
  if (type === 'embedding') return `LIST_MIN(${column}) < ${range[0]} OR LIST_MAX(${column}) > ${range[1]}`;
  const unit = type === 'decimal' ? 10 ** scale : 1;
  return `${column} < ${range[0] * unit} OR ${column} > ${range[1] * unit}`;
}

function isNumeric({ type }: ColumnSpec): boolean {
  return type === 'int' || type === 'int64' || type === 'decimal' || type === 'float';
}

/** A number as users see it. */
function numberOr(value: OfflineValue | undefined, { type, scale = 0 }: ColumnSpec): number | null {
  if (value === null || value === undefined) return null;
  if (type !== 'decimal') return Number(value);
  // A mean has been made a double, and is of scaled numbers too.
  return typeof value === 'bigint' ? decimalDouble(value, scale) : Number(value) / 10 ** scale;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
