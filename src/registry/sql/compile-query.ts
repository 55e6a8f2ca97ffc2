import { fail } from '../../base/errors/fail.ts';
import type { Page, PageQuery, QueryClause, QueryField, QueryOrder } from '../../ports/registry-query.ts';
import type { Sql, SqlDialect, SqlRow, SqlValue } from '../../ports/sql-database.ts';
import { marks, numberOf } from './rows.ts';

/** The tables and columns of a search. */
export interface SearchSource {
  /** `runs t`, with joins that every search needs; the rows are those of `t`. */
  readonly from: string;
  /** SQL of an attribute by its name. */
  readonly attributes: Readonly<Record<string, { readonly sql: string; readonly type: 'text' | 'number' }>>;
  /** Tables of texts and values by owner. */
  readonly metrics?: string;
  readonly params?: string;
  readonly tags?: string;
  /** `SELECT owner … WHERE` of data sets, and the columns of their attributes. */
  readonly datasets?: { readonly select: string; readonly columns: Readonly<Record<string, string>> };
  /** false: the table of metrics has every point, not only the newest. */
  readonly isNewestOnly?: false;
  /** Order of equal rows, and of a search without one. */
  readonly order: string;
}

interface Part {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** Tags of registries that a model without them passes `!=` with: 3.x clients hide prompts so. */
const PROMPT_TAG = 'mlflow.prompt.is_prompt';

/** The numbers of the rows of a page, in order. Every name in `where` and `order` has been checked by the parser of filters. */
export async function searchRows(
  { sql, dialect }: { readonly sql: Sql; readonly dialect: SqlDialect },
  source: SearchSource,
  query: PageQuery,
  where: readonly Part[],
): Promise<Page<SqlRow>> {
  const conditions = [...where, ...query.filter.map((clause) => compileClause(dialect, source, clause))];
  const orders = query.order.map((order, i) => compileOrder(source, order, i));
  const joins = orders.map(({ join }) => join);
  const by = [...orders.map(({ by }) => by.text), source.order].join(', ');
  const condition = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ text }) => `(${text})`).join(' AND ')}`;
  const statement = `SELECT t.* FROM ${[source.from, ...joins.map(({ text }) => text)].join(' ')} ${condition} ORDER BY ${by} LIMIT ? OFFSET ?`;
  const values = [...joins, ...conditions, ...orders.map(({ by }) => by)].flatMap((part) => part.values);
  const rows = await sql.all(statement, [...values, query.limit + 1, query.offset]);
  return { rows: rows.slice(0, query.limit), more: rows.length > query.limit };
}

/** `column IN (…)` for whole numbers of this module's own. */
export function inNumbers(column: string, numbers: readonly number[]): Part {
  return numbers.length === 0
    ? { text: '1 = 0', values: [] }
    : { text: `${column} IN (${marks(numbers.length)})`, values: numbers };
}

/** The `no` of rows. */
export function numbersOf(rows: readonly SqlRow[]): readonly number[] {
  return rows.map((row) => numberOf(row, 'no'));
}

function compileClause(dialect: SqlDialect, source: SearchSource, clause: QueryClause): Part {
  const { field } = clause;
  switch (field.of) {
    case 'attribute':
      return compare(dialect, attributeOf(source, field).sql, clause);
    case 'metric':
      return metricClause(dialect, source, clause, field);
    case 'param':
    case 'tag':
      return textClause(dialect, tableOf(source, field), clause);
    case 'dataset': {
      const { select, columns } = source.datasets ?? { select: '', columns: {} };
      if (!Object.hasOwn(columns, field.key)) throw unknownField(field);
      const { text, values } = compare(dialect, columns[field.key], clause);
      return { text: `t.no IN (${select} ${text})`, values };
    }
    default:
      return field satisfies never;
  }
}

function metricClause(dialect: SqlDialect, source: SearchSource, clause: QueryClause, field: QueryField): Part {
  const table = tableOf(source, field);
  // A NaN compares as IEEE says: it differs from everything.
  const compared = compare(dialect, 'm.value', clause);
  const isNot = clause.comparison === '!=';
  const on = onDataset('dataset' in field ? field.dataset : null);
  const text = [
    `SELECT m.owner FROM ${table} m WHERE m.key = ?`,
    on.text,
    isNot ? `AND (m.nan = 1 OR ${compared.text})` : `AND m.nan = 0 AND ${compared.text}`,
  ].join(' ');
  return { text: `t.no IN (${text})`, values: [field.key, ...on.values, ...compared.values] };
}

function textClause(dialect: SqlDialect, table: string, clause: QueryClause): Part {
  const { comparison, field, value } = clause;
  const select = `SELECT s.owner FROM ${table} s WHERE s.key = ?`;
  if (comparison === 'IS NULL') return { text: `t.no NOT IN (${select})`, values: [field.key] };
  if (comparison === 'IS NOT NULL') return { text: `t.no IN (${select})`, values: [field.key] };
  if (comparison === '!=' && field.key === PROMPT_TAG)
    return { text: `t.no NOT IN (${select} AND s.value = ?)`, values: [field.key, String(value)] };
  if (comparison === '=')
    return {
      text: `t.no IN (${select} AND (substr(s.value, 1, 100)) = ? AND s.value = ?)`,
      values: [field.key, firstCharacters(String(value)), String(value)],
    };
  const compared = compare(dialect, 's.value', clause);
  return { text: `t.no IN (${select} AND ${compared.text})`, values: [field.key, ...compared.values] };
}

/** As `substr(value, 1, 100)`: characters, not UTF-16 units. */
function firstCharacters(text: string): string {
  return [...text.slice(0, 200)].slice(0, 100).join('');
}

function compare(dialect: SqlDialect, column: string, { comparison, value }: QueryClause): Part {
  switch (comparison) {
    case '=':
    case '>':
    case '>=':
    case '<':
    case '<=':
      return { text: `${column} ${comparison} ${markOf(value)}`, values: [scalar(value)] };
    case '!=':
      return { text: `${column} <> ${markOf(value)}`, values: [scalar(value)] };
    case 'LIKE':
      return { text: dialect.like(column), values: [scalar(value)] };
    case 'ILIKE':
      return { text: dialect.ilike(column), values: [scalar(value)] };
    case 'IN':
    case 'NOT IN': {
      const list = Array.isArray(value) ? value : [];
      if (list.length === 0) return { text: comparison === 'IN' ? '1 = 0' : '1 = 1', values: [] };
      return { text: `${column} ${comparison} (${marks(list.length)})`, values: list };
    }
    case 'IS NULL':
    case 'IS NOT NULL':
      return { text: `${column} ${comparison}`, values: [] };
    default:
      return comparison satisfies never;
  }
}

/** PostgreSQL would read the value as the type of the column, and a whole number takes neither a fraction nor 1e20. */
function markOf(value: QueryClause['value']): string {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? 'CAST(? AS DOUBLE PRECISION)' : '?';
}

function scalar(value: QueryClause['value']): SqlValue {
  return typeof value === 'object' ? null : value;
}

function compileOrder(source: SearchSource, { field, ascending }: QueryOrder, place: number): { join: Part; by: Part } {
  const way = ascending ? 'ASC' : 'DESC';
  const none: Part = { text: '', values: [] };
  if (field.of === 'attribute') {
    const { sql } = attributeOf(source, field);
    // A missing value comes last both ways.
    return { join: none, by: { text: `CASE WHEN ${sql} IS NULL THEN 1 ELSE 0 END, ${sql} ${way}`, values: [] } };
  }
  const name = `o${place}`;
  const table = tableOf(source, field);
  const join = source.isNewestOnly === false ? newestJoin(table, name, field) : plainJoin(table, name, field);
  const last =
    field.of === 'metric'
      ? `CASE WHEN ${name}.value IS NULL THEN 2 WHEN ${name}.nan = 1 THEN 1 ELSE 0 END`
      : `CASE WHEN ${name}.value IS NULL THEN 1 ELSE 0 END`;
  return { join, by: { text: `${last}, ${name}.value ${way}`, values: [] } };
}

function plainJoin(table: string, name: string, { key }: QueryField): Part {
  return { text: `LEFT JOIN ${table} ${name} ON ${name}.owner = t.no AND ${name}.key = ?`, values: [key] };
}

/** The newest point of each owner, where a table keeps them all. Only metrics are kept so. */
function newestJoin(table: string, name: string, field: QueryField): Part {
  if (field.of !== 'metric') return plainJoin(table, name, field);
  const dataset = 'dataset' in field ? field.dataset : null;
  const { text, values } = onDataset(dataset);
  const newest = `SELECT owner, value, nan, ROW_NUMBER() OVER (PARTITION BY owner ORDER BY at DESC, step DESC) AS place FROM ${table} WHERE key = ? ${text}`;
  return {
    text: `LEFT JOIN (${newest}) ${name} ON ${name}.owner = t.no AND ${name}.place = 1`,
    values: [field.key, ...values],
  };
}

function onDataset(dataset: { readonly name: string; readonly digest: string | null } | null): Part {
  if (dataset === null) return { text: '', values: [] };
  if (dataset.digest === null) return { text: 'AND dataset_name = ?', values: [dataset.name] };
  return { text: 'AND dataset_name = ? AND dataset_digest = ?', values: [dataset.name, dataset.digest] };
}

function attributeOf(source: SearchSource, field: QueryField): SearchSource['attributes'][string] {
  const found = Object.hasOwn(source.attributes, field.key) ? source.attributes[field.key] : undefined;
  if (found === undefined) throw unknownField(field);
  return found;
}

function tableOf(source: SearchSource, field: QueryField): string {
  const table = { metric: source.metrics, param: source.params, tag: source.tags }[field.of as 'metric'];
  if (table === undefined) throw unknownField(field);
  return table;
}

function unknownField(field: QueryField): Error {
  return fail('REGISTRY_NAME', {
    kind: 'search key',
    name: `${field.of}.${field.key}`,
    reason: 'this search does not have it',
  });
}
