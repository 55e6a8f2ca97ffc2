import { KEY_PREFIX, requestColumn } from '../features/plan/names.ts';
import { OFFSET, PARTITION } from '../features/plan/raw-table.ts';
import { duckdb } from '../features/sql/duckdb.ts';
import { valueText } from '../features/sql/text.ts';
import { SAMPLE_CHARACTERS } from '../featurestore/ingest/quarantine.ts';
import { UNSTORED } from '../featurestore/publish-storable.ts';
import type { OfflineTable } from '../ports/offline-store.ts';
import type { Value } from '../schema/column.ts';
import type { ForgetScope, KeyColumns } from './forget-scope.ts';

/** Values of the key's parts, by part. */
export type KeyValues = Readonly<Record<string, Value>>;

/** A table of the history that may hold rows of the entity, and SQL that is true for those. */
export interface ForgetTable {
  readonly name: string;
  readonly where: string;
}

/**
 * The tables among those stored that hold rows of an entity: also those of versions and views that are declared no longer, where
 * their columns are those of the entity's key. `ends` are the offsets, by source, up to which deliveries are forgotten.
 */
export function forgetTables(
  tables: readonly OfflineTable[],
  scope: ForgetScope,
  values: KeyValues,
  ends: Readonly<Record<string, readonly number[]>>,
  predictionIds: readonly string[],
): readonly ForgetTable[] {
  return tables.flatMap(({ name, columns }): readonly ForgetTable[] => {
    const where = whereIn(name, columns, scope, values, ends, predictionIds);
    return where === null ? [] : [{ name, where }];
  });
}

function whereIn(
  name: string,
  columns: OfflineTable['columns'],
  scope: ForgetScope,
  values: KeyValues,
  ends: Readonly<Record<string, readonly number[]>>,
  predictionIds: readonly string[],
): string | null {
  const [area, part = ''] = name.split('/');
  const own = part.split('@')[0];
  const has = (keys: readonly KeyColumns[]) =>
    keys.filter((key) => Object.values(key).every((column) => Object.hasOwn(columns, column)));
  const equal = (keys: readonly KeyColumns[]) => anyOf(has(keys).map((key) => equals(key, values)));
  switch (area) {
    case 'events': {
      const found = scope.sources.filter(({ source }) => source.name === own).flatMap(({ keys }) => keys);
      const where = equal(found);
      const upTo = ends[part];
      return where === null || upTo === undefined ? where : `${where} AND ${before(upTo)}`;
    }
    case 'tiles':
    case 'batch':
      return scope.foreignViews.includes(own) ? null : equal([prefixed(scope, (key) => `${KEY_PREFIX}${key}`)]);
    case 'served': {
      const found = scope.services.filter(({ service }) => service.name === own).flatMap(({ keys }) => keys);
      return equal(found.map((key) => mapped(key, requestColumn)));
    }
    case 'predictions':
    case 'fed': {
      const isOwn = scope.models.some((model) => model.name === own);
      return isOwn && predictionIds.length > 0 ? inList(area === 'fed' ? '_id' : 'id', predictionIds) : null;
    }
    case 'unstored':
      // A sample is a text as it came: the key is looked for as it would be there.
      return whereIn(
        name.slice(UNSTORED.length),
        columns,
        scope,
        part === 'monitoring' ? values : asTexts(values),
        ends,
        predictionIds,
      );
    case 'profiles': {
      const texts = textsOf(values);
      return texts.length === 0 ? null : `list_has_any("texts", [${texts.map(literal).join(', ')}])`;
    }
    case 'monitoring':
      return Object.hasOwn(columns, 'sample') ? sampleHas(scope, values) : null;
    default:
      return null;
  }
}

/** The parts of a key that are texts: a profile that holds one may be of the entity. */
export function textsOf(values: KeyValues): readonly string[] {
  return Object.values(values).filter((value) => typeof value === 'string');
}

/** Rows that could not be stored have every value as text. */
function asTexts(values: KeyValues): KeyValues {
  return Object.fromEntries(
    Object.entries(values).map(([part, value]) => [part, value === null ? null : String(value)]),
  );
}

/**
 * SQL for refused events, counted with the newest one as a sample, that may be of the entity: what was refused has no columns
 * to look at, so that every part of the key is looked for in its text. A sample that was cut off may have had it.
 */
function sampleHas({ sources }: ForgetScope, values: KeyValues): string | null {
  if (sources.length === 0) return null;
  const of = inList(
    'source',
    sources.map(({ source }) => source.name),
  );
  const parts = Object.values(values).map((value) => `(${textHas('sample', value)} OR ${textHas('reason', value)})`);
  return `${of} AND ((${parts.join(' AND ')}) OR LENGTH("sample") >= ${SAMPLE_CHARACTERS})`;
}

/** SQL for a JSON text in which a value stands somewhere. */
function textHas(column: string, value: Value): string {
  if (typeof value === 'string') return `contains("${column}", ${literal(JSON.stringify(value))})`;
  return `regexp_matches("${column}", '(^|[^0-9.-])${String(value)}([^0-9]|$)')`;
}

/** SQL for the rows whose columns hold the key. */
export function equals(key: KeyColumns, values: KeyValues): string {
  return Object.entries(key)
    .map(([part, column]) => `"${column}" = ${literal(values[part])}`)
    .join(' AND ');
}

/** SQL for the rows whose column is one of the texts. */
export function inList(column: string, texts: readonly string[]): string {
  return `"${column}" IN (${texts.map(literal).join(', ')})`;
}

function before(ends: readonly number[]): string {
  return `(${ends.map((end, partition) => `(CAST("${PARTITION}" AS BIGINT) = ${partition} AND CAST("${OFFSET}" AS BIGINT) < ${end})`).join(' OR ')})`;
}

function anyOf(conditions: readonly string[]): string | null {
  return conditions.length === 0 ? null : `((${conditions.join(') OR (')}))`;
}

function prefixed({ entity }: ForgetScope, column: (part: string) => string): KeyColumns {
  return Object.fromEntries(Object.keys(entity.key).map((part) => [part, column(part)]));
}

function mapped(key: KeyColumns, column: (name: string) => string): KeyColumns {
  return Object.fromEntries(Object.entries(key).map(([part, name]) => [part, column(name)]));
}

/** A value as a literal of SQL. */
export function literal(value: Value): string {
  return valueText(value, duckdb);
}
