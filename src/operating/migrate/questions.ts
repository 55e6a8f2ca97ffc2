import type {
  BatchViewData,
  FeatureServiceData,
  ProjectData,
  StreamViewData,
} from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { keyColumn } from '../../features/plan/names.ts';
import { INGEST_TS, OFFSET, PARTITION, rawTable } from '../../features/plan/raw-table.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { viewService } from '../../featurestore/view-service.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { ColumnSpec, Columns, Value } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';
import { entityKeyEncoder } from '../../schema/entity-key.ts';

/** The reads that a migration compares between both environments. */
export interface Question {
  readonly service: FeatureServiceData;
  /** As a caller writes it. */
  readonly request: Readonly<Record<string, unknown>>;
  /** The key of a stream view, encoded, whose events the answer is made of; null where it is of more. */
  readonly of: { readonly view: StreamViewData; readonly key: string } | null;
}

type View = StreamViewData | BatchViewData;

/** A project with an additional service over each of its views, for the comparison of both environments. */
export function withViewServices(project: ProjectData): ProjectData {
  return { ...project, services: [...project.services, ...viewsOf(project).map(askedService)] };
}

/** Questions for keys of every stream view: all keys, or of `keys` half those with the newest events, half any. */
export async function streamQuestions(
  project: ProjectData,
  history: OfflineStore,
  keys: number,
): Promise<readonly Question[]> {
  const questions: Question[] = [];
  for (const view of viewsOf(project)) {
    if (view.kind !== 'streamView') continue;
    const encode = entityKeyEncoder(view.entity.key);
    for (const { values, request } of await requestsOf(history, keysSql(view, history, keys), view.entity.key))
      questions.push({ service: askedService(view), request, of: { view, key: encode(values) ?? '' } });
  }
  return questions;
}

/** Questions for keys of every batch view, and the newest logged requests of every service, which join views and compute. */
export async function otherQuestions(
  project: ProjectData,
  history: OfflineStore,
  keys: number,
): Promise<readonly Question[]> {
  const questions: Question[] = [];
  const add = async (service: FeatureServiceData, sql: string) => {
    for (const { request } of await requestsOf(history, sql, service.request))
      questions.push({ service, request, of: null });
  };
  for (const view of viewsOf(project)) {
    if (view.kind === 'batchView') await add(askedService(view), batchKeysSql(view, history, keys));
  }
  for (const service of project.services) {
    const columns = Object.keys(service.request).map((name) => `"r_${name}"`);
    if (columns.length === 0) continue;
    const logged = `SELECT ${columns.join(', ')} FROM ${history.relation(servedTable(service))} AS t`;
    await add(service, `${logged} ORDER BY _at DESC LIMIT ${keys}`);
  }
  return questions;
}

/** Of stream views, the keys whose deliveries lie at or behind some offsets of the log; by view. */
export async function keysSince(
  views: readonly StreamViewData[],
  history: OfflineStore,
  nextOf: (view: StreamViewData) => readonly number[],
): Promise<ReadonlyMap<StreamViewData, ReadonlySet<string>>> {
  const since = new Map<StreamViewData, ReadonlySet<string>>();
  for (const view of views) {
    const encode = entityKeyEncoder(view.entity.key);
    const behind = nextOf(view).map((offset, p) => `(${PARTITION} = ${p} AND ${OFFSET} >= ${offset})`);
    const sql = `SELECT DISTINCT ${keyColumns(view)} FROM ${history.relation(rawTable(view.source))} AS t WHERE ${behind.join(' OR ')}`;
    const found = await requestsOf(history, sql, view.entity.key);
    since.set(view, new Set(found.map(({ values }) => encode(values) ?? '')));
  }
  return since;
}

function viewsOf({ views }: ProjectData): readonly View[] {
  return views.filter((view): view is View => view.kind !== 'onDemandView');
}

function askedService(view: View): FeatureServiceData {
  // A declared service has no blank in its name.
  return viewService(view, `view ${view.name}@${view.version}`);
}

function keyColumns({ entity, key }: StreamViewData): string {
  return Object.keys(entity.key)
    .map((part) => `"${key[part]}" AS ${keyColumn(part)}`)
    .join(', ');
}

function keysSql(view: StreamViewData, history: OfflineStore, keys: number): string {
  const parts = Object.keys(view.entity.key);
  const names = parts.map(keyColumn).join(', ');
  const present = parts.map((part) => `"${view.key[part]}" IS NOT NULL`).join(' AND ');
  const all = `SELECT ${keyColumns(view)}, MAX(${INGEST_TS}) AS newest
FROM ${history.relation(rawTable(view.source))} AS t WHERE ${present} GROUP BY ALL`;
  const half = Math.ceil(keys / 2);
  return `WITH found AS (${all})
SELECT DISTINCT * FROM (
  (SELECT ${names} FROM found ORDER BY newest DESC, ${names} LIMIT ${half})
  UNION ALL (SELECT ${names} FROM found ORDER BY HASH(${names}), ${names} LIMIT ${half})
) AS chosen ORDER BY ${names}`;
}

function batchKeysSql(view: BatchViewData, history: OfflineStore, keys: number): string {
  const names = Object.keys(view.entity.key).map(keyColumn).join(', ');
  const table = history.relation(batchTable(view));
  const [first] = Object.keys(view.entity.key).map(keyColumn);
  return `SELECT ${names} FROM ${table} AS t WHERE ${first} IS NOT NULL
AND generation = (SELECT MAX(generation) FROM ${table} AS n) ORDER BY HASH(${names}), ${names} LIMIT ${keys}`;
}

/** Rows of a query as requests: its columns are those of the request. */
async function requestsOf(history: OfflineStore, sql: string, columns: Columns) {
  const names = Object.keys(columns);
  const specs = Object.values(columns);
  const decoders = specs.map(valueDecoder);
  const found: { readonly values: readonly Value[]; readonly request: Readonly<Record<string, unknown>> }[] = [];
  for await (const rows of history.query(sql)) {
    for (const row of rows) {
      const values = decoders.map((decode, c) => decode(row[c]));
      found.push({
        values,
        request: Object.fromEntries(names.map((name, c) => [name, asWritten(specs[c], values[c])])),
      });
    }
  }
  return found;
}

/** A value as a caller may write it. */
function asWritten(spec: ColumnSpec, value: Value): unknown {
  const isDecimal = spec.type === 'decimal' || (spec.type === 'list' && spec.element === 'decimal');
  const one = (inside: Value): unknown =>
    isDecimal && typeof inside === 'bigint' ? scaledToText(inside, spec.scale ?? 0) : inside;
  return Array.isArray(value) ? value.map(one) : one(value);
}
