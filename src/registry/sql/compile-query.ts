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

interface Search {
  readonly sql: Sql;
  readonly dialect: SqlDialect;
  readonly source: SearchSource;
  readonly query: PageQuery;
  /** Conditions of the search besides the filter. */
  readonly where: readonly Part[];
}

/** A page of rows, in order. Every name in the query has been checked by the parser of filters. */
export async function searchRows(
  open: Pick<Search, 'sql' | 'dialect'>,
  source: SearchSource,
  query: PageQuery,
  where: readonly Part[],
): Promise<Page<SqlRow>> {
  const search = { ...open, source, query, where };
  const lead = leadOf(search);
  const statement = lead !== null && !(await hasRare(search, lead)) ? ledStatement(search, lead) : statementOf(search);
  const rows = await open.sql.all(statement.text, [...statement.values, query.limit + 1, query.offset]);
  return { rows: rows.slice(0, query.limit), more: rows.length > query.limit };
}

/** Finds the rows that fit, then sorts them all. */
function statementOf({ dialect, source, query, where }: Search): Part {
  const orders = query.order.map((order, i) => compileOrder(source, order, i));
  const conditions = [...where, ...query.filter.map((clause) => compileClause(dialect, source, clause))];
  return joined({ from: source.from, orders, conditions, source });
}

/**
 * The clause of the filter that bounds the metric of the first order. Rows without the metric do not pass it, and NaN neither: the index
 * of the metric has all that fit, in their order.
 */
function leadOf({ source, query: { filter, order } }: Search): QueryClause | null {
  const [first] = order;
  if (first?.field.of !== 'metric' || source.isNewestOnly === false) return null;
  const { key } = first.field;
  return (
    filter.find(({ field, comparison }) => field.of === 'metric' && field.key === key && isRange(comparison)) ?? null
  );
}

function isRange(comparison: QueryClause['comparison']): boolean {
  return ['=', '>', '>=', '<', '<='].includes(comparison);
}

/** With fewer rows than this it is faster to find and sort them than to look through the index of a metric. */
const RARE = 1_000;

/** Whether few rows pass one of the other clauses. Counting stops at the bound. */
async function hasRare({ sql, dialect, source, query }: Search, lead: QueryClause): Promise<boolean> {
  for (const clause of query.filter) {
    const { field, comparison } = clause;
    const isIndexed = field.of === 'metric' ? isRange(comparison) : field.of !== 'attribute' && comparison === '=';
    if (clause === lead || !isIndexed || field.of === 'dataset') continue;
    const { text, values } = membersOf(dialect, source, clause);
    const [row] = await sql.all(`SELECT COUNT(*) AS found FROM (SELECT 1 ${text} LIMIT ${RARE}) rare`, values);
    if (numberOf(row ?? {}, 'found') < RARE) return true;
  }
  return false;
}

/** Walks the index of the first order's metric, looks at the other clauses row by row, and stops at the end of the page. */
function ledStatement({ dialect, source, query, where }: Search, lead: QueryClause): Part {
  const [first, ...rest] = query.order;
  const compared = compare(dialect, 'o0.value', lead);
  const own: Part = {
    text: `t.no = o0.owner AND o0.key = ? AND o0.nan = 0 AND ${compared.text}`,
    values: [lead.field.key, ...compared.values],
  };
  const none: Part = { text: '', values: [] };
  const by: Part = { text: `o0.value ${first?.ascending === true ? 'ASC' : 'DESC'}`, values: [] };
  const others = query.filter.filter((clause) => clause !== lead);
  return joined({
    // Of a cross join SQLite keeps the order.
    from: `${source.metrics} o0 CROSS JOIN ${source.from}`,
    orders: [{ join: none, by }, ...rest.map((order, i) => compileOrder(source, order, i + 1))],
    conditions: [own, ...others.map((clause) => compileClause(dialect, source, clause, 'o0.owner')), ...where],
    source,
  });
}

function joined(options: {
  readonly from: string;
  readonly orders: readonly { readonly join: Part; readonly by: Part }[];
  readonly conditions: readonly Part[];
  readonly source: SearchSource;
}): Part {
  const { from, orders, conditions, source } = options;
  const joins = orders.map(({ join }) => join);
  const by = [...orders.map((order) => order.by.text), source.order].join(', ');
  const condition = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ text }) => `(${text})`).join(' AND ')}`;
  return {
    text: `SELECT t.* FROM ${[from, ...joins.map(({ text }) => text)].join(' ')} ${condition} ORDER BY ${by} LIMIT ? OFFSET ?`,
    values: [...joins, ...conditions, ...orders.map((order) => order.by)].flatMap((part) => part.values),
  };
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

/** A condition of a clause; with `owner`, the SQL of a row's number, one that is looked up row by row. */
function compileClause(
  dialect: SqlDialect,
  source: SearchSource,
  clause: QueryClause,
  owner: string | null = null,
): Part {
  const { field, comparison } = clause;
  if (field.of === 'attribute') return compare(dialect, attributeOf(source, field).sql, clause);
  if (field.of === 'dataset') {
    const { select, columns } = source.datasets ?? { select: '', columns: {} };
    if (!Object.hasOwn(columns, field.key)) throw unknownField(field);
    const { text, values } = compare(dialect, columns[field.key], clause);
    return { text: `t.no IN (${select} ${text})`, values };
  }
  const { text, values } = membersOf(dialect, source, clause);
  const isAbsence = field.of !== 'metric' && (comparison === 'IS NULL' || (comparison === '!=' && isPrompt(clause)));
  if (owner !== null && !isAbsence)
    return { text: `EXISTS (SELECT 1 ${text} AND s.owner = ${owner}${dialect.rowByRow})`, values };
  return { text: `t.no ${isAbsence ? 'NOT ' : ''}IN (SELECT s.owner ${text})`, values };
}

function isPrompt({ field }: QueryClause): boolean {
  return field.of !== 'metric' && field.key === PROMPT_TAG;
}

/** `FROM … WHERE …` of the entries `s` that a clause of metrics, params or tags is about. */
function membersOf(dialect: SqlDialect, source: SearchSource, clause: QueryClause): Part {
  const { field } = clause;
  const table = tableOf(source, field);
  return field.of === 'metric' ? metricMembers(dialect, table, clause, field) : textMembers(dialect, table, clause);
}

function metricMembers(dialect: SqlDialect, table: string, clause: QueryClause, field: QueryField): Part {
  // A NaN compares as IEEE says: it differs from everything.
  const compared = compare(dialect, 's.value', clause);
  const on = onDataset('dataset' in field ? field.dataset : null);
  const fits = clause.comparison === '!=' ? `(s.nan = 1 OR ${compared.text})` : `s.nan = 0 AND ${compared.text}`;
  const text = [`FROM ${table} s WHERE s.key = ?`, on.text, `AND ${fits}`].join(' ');
  return { text, values: [field.key, ...on.values, ...compared.values] };
}

function textMembers(dialect: SqlDialect, table: string, clause: QueryClause): Part {
  const { comparison, field, value } = clause;
  const from = `FROM ${table} s WHERE s.key = ?`;
  if (comparison === 'IS NULL' || comparison === 'IS NOT NULL') return { text: from, values: [field.key] };
  const isEqual = comparison === '=' || (comparison === '!=' && isPrompt(clause));
  if (isEqual)
    return {
      text: `${from} AND (substr(s.value, 1, 100)) = ? AND s.value = ?`,
      values: [field.key, firstCharacters(String(value)), String(value)],
    };
  const compared = compare(dialect, 's.value', clause);
  return { text: `${from} AND ${compared.text}`, values: [field.key, ...compared.values] };
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
