import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { compareText } from '../base/text-order.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { requestColumn } from '../features/plan/names.ts';
import { rawTable } from '../features/plan/raw-table.ts';
import { servedTable } from '../features/plan/served-table.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import type { RowsOf } from '../featurestore/ingest/source-rows.ts';
import { decodeProfileRow, PROFILE_TOPIC } from '../monitoring/served/profile-row.ts';
import type { EventLog, LogRecord } from '../ports/event-log.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { OnlineStore } from '../ports/online-store.ts';
import type { Value } from '../schema/column.ts';
import { scaledToText } from '../schema/decimal.ts';
import { entityKeyEncoder } from '../schema/entity-key.ts';
import { requestParser } from '../schema/row-parser.ts';
import { predictionTopic } from '../serving/online/prediction-record.ts';
import { endRecord, keepRecord } from './forget-record.ts';
import { type ForgetScope, forgetScope, type KeyColumns } from './forget-scope.ts';
import { equals, forgetTables, type KeyValues, textsOf } from './forget-sql.ts';
import { type FoundSpineSet, type FoundTrainingSet, findSpineSets, findTrainingSets } from './forget-training-sets.ts';

export interface ForgetOptions {
  readonly project: ProjectData;
  readonly features: FeatureStore;
  readonly rowsOf: RowsOf;
  readonly log: EventLog;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  readonly registry: ModelRegistry;
  /** Folder of training runs. */
  readonly runs: string;
  /** The environment's directory: what is begun is recorded there. */
  readonly directory: string;
  /** Takes predictions out of the samples that are drawn to be labelled; counts before and after. */
  readonly forgetSamples: (ids: ReadonlySet<string>) => { readonly before: number; readonly after: number };
}

/** The rows of the entity in one store, before and by a scan afterwards. */
export interface ForgottenStore {
  readonly store: 'log' | 'history' | 'online' | 'samples';
  /** Topic, table, view or folder. */
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** The proof of a forgetting. */
export interface ForgetReport {
  readonly entity: string;
  readonly stores: readonly ForgottenStore[];
  /** Training sets and model versions that were made with rows of the entity; they stay. */
  readonly trainingSets: readonly FoundTrainingSet[];
  /** Training sets for spines that were sent over HTTP, with rows of the entity; they stay. */
  readonly spineSets: readonly FoundSpineSet[];
  /** Sources that have no column known to hold the entity's key. */
  readonly untouched: readonly string[];
}

/**
 * Deletes an entity from log, history and online store, up to the events at its start; later events are new. It may be
 * interrupted anywhere and run again: it records its state before it deletes anything. Serving and ingest continue.
 * Errors: FORGET_ENTITY, FORGET_STORE, REQUEST_*, FORGET_LEFT, those of the stores.
 */
export async function forget(options: ForgetOptions, entity: string, key: unknown): Promise<ForgetReport> {
  const { project, features, offline, directory } = options;
  const scope = forgetScope(project, entity);
  if (options.log.blank === undefined) throw fail('FORGET_STORE', { store: 'event log' });
  if (options.online.dropKey === undefined) throw fail('FORGET_STORE', { store: 'online store' });
  const values = keyValues(scope, key);
  await features.flush();
  const record = keepRecord(directory, {
    format: 1,
    entity,
    key: keyTexts(scope, values),
    predictions: await predictionIds(offline, scope, values),
  });
  const trainingSets = await findTrainingSets(options, scope.models, record.predictions);
  const { position, stores } = await forgetOnline(options, scope, values);
  const log = [
    ...(await forgetLog(options, scope, values, position)),
    ...(await forgetPredictions(options, scope, new Set(record.predictions))),
    ...(await forgetProfiles(options.log, values)),
  ];
  // Events between the flush and the position are published, so that they can be deleted.
  await features.flush();
  const history = await forgetHistory(offline, scope, values, position, record.predictions);
  const all = [...log, ...history, ...stores, ...forgetSamples(options, record.predictions)];
  for (const { store, name, after } of all)
    if (after > 0) throw fail('FORGET_LEFT', { entity, rows: after, store: `${store} ${name}` });
  endRecord(directory, record);
  const spineSets = await findSpineSets(offline, join(directory, 'training-sets'), values);
  return { entity, stores: all, trainingSets, spineSets, untouched: scope.untouched };
}

/** Samples are drawn from the history, so they come after it. */
function forgetSamples({ forgetSamples: drop }: ForgetOptions, ids: readonly string[]): readonly ForgottenStore[] {
  const counts = drop(new Set(ids));
  return counts.before === 0 ? [] : [{ store: 'samples', name: 'playbook', ...counts }];
}

/** The parts of a key; a record and a command line have texts for all of them. */
function keyValues({ entity }: ForgetScope, key: unknown): KeyValues {
  const row = requestParser(`the entity ${entity.name}`, entity.key)(typedTexts(entity.key, key));
  return Object.fromEntries(Object.keys(entity.key).map((part, i) => [part, row[i]]));
}

/** The parts as texts that `keyValues` reads. */
function keyTexts({ entity }: ForgetScope, values: KeyValues): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(entity.key).map(([part, { type, scale = 0 }]) => {
      const value = values[part];
      return [part, type === 'decimal' && typeof value === 'bigint' ? scaledToText(value, scale) : String(value)];
    }),
  );
}

function typedTexts(columns: ForgetScope['entity']['key'], key: unknown): unknown {
  if (typeof key !== 'object' || key === null) return key;
  return Object.fromEntries(
    Object.entries(key).map(([part, value]) => {
      const type = Object.hasOwn(columns, part) ? columns[part].type : undefined;
      if (typeof value !== 'string') return [part, value];
      if (type === 'int' || type === 'time') return [part, value.trim() === '' ? value : Number(value)];
      return [part, type === 'bool' ? value === 'true' || (value === 'false' ? false : value) : value];
    }),
  );
}

/** Ids of predictions that were asked for the entity: of its rows in the spines, and of its served vectors. */
async function predictionIds(offline: OfflineStore, scope: ForgetScope, values: KeyValues): Promise<string[]> {
  const ids = new Set<string>();
  const add = async (sql: string) => {
    for await (const rows of offline.query(sql)) for (const [id] of rows) if (typeof id === 'string') ids.add(id);
  };
  for (const { spine, service } of scope.models) {
    for (const { source, keys } of scope.sources) {
      if (source.name !== spine.from.name) continue;
      for (const key of keys)
        await add(
          `SELECT DISTINCT "${spine.id}" FROM ${offline.relation(rawTable(source))} WHERE ${equals(key, values)}`,
        );
    }
    for (const one of scope.services) {
      if (one.service.name !== service.name) continue;
      const relation = offline.relation(servedTable(one.service));
      for (const key of one.keys)
        await add(`SELECT DISTINCT _id FROM ${relation} WHERE ${equals(asRequest(key), values)}`);
    }
  }
  return [...ids].sort(compareText);
}

function asRequest(key: KeyColumns): KeyColumns {
  return Object.fromEntries(Object.entries(key).map(([part, column]) => [part, requestColumn(column)]));
}

async function forgetOnline(
  { features, online }: ForgetOptions,
  scope: ForgetScope,
  values: KeyValues,
): Promise<{
  readonly position: Readonly<Record<string, readonly number[]>>;
  readonly stores: readonly ForgottenStore[];
}> {
  const key = entityKeyEncoder(scope.entity.key)(Object.values(values)) ?? '';
  const layouts = scope.streamViews.map(tileLayout);
  const held = async () => {
    const counts: [string, number][] = [];
    for (const layout of layouts) {
      const everything = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
      const runs = await online.readTiles(layout.view.hopsMs.map((hopMs) => ({ layout, hopMs, key, ...everything })));
      counts.push([layout.viewId, runs.reduce((sum, run) => sum + run.length, 0)]);
    }
    return counts;
  };
  const before = await held();
  const position = await features.forgetKey(scope.streamViews, scope.batchViews, key);
  const after = new Map(await held());
  return {
    position,
    stores: before.map(([name, count]) => ({ store: 'online', name, before: count, after: after.get(name) ?? 0 })),
  };
}

async function forgetLog(
  { log, rowsOf }: ForgetOptions,
  scope: ForgetScope,
  values: KeyValues,
  position: Readonly<Record<string, readonly number[]>>,
): Promise<readonly ForgottenStore[]> {
  const stores: ForgottenStore[] = [];
  for (const { source, keys } of scope.sources) {
    const topic = topicOf(source);
    const { decode } = rowsOf(source);
    const holds = keyTest(Object.keys(source.columns), keys, values);
    let before = 0;
    let after = 0;
    for (const [partition, end] of (position[topic] ?? []).entries()) {
      const which = ({ id, payload }: LogRecord, offset: number) => id !== '' && offset < end && holds(decode(payload));
      before += (await log.blank?.(topic, partition, which)) ?? 0;
      after += await count(log, topic, partition, end, which);
    }
    stores.push({ store: 'log', name: topic, before, after });
  }
  return stores;
}

/** Blanks the predictions of some ids in their topics. */
async function forgetPredictions(
  { log }: ForgetOptions,
  { models }: ForgetScope,
  ids: ReadonlySet<string>,
): Promise<readonly ForgottenStore[]> {
  const stores: ForgottenStore[] = [];
  for (const model of ids.size === 0 ? [] : models) {
    const topic = predictionTopic(model);
    const which = ({ id }: LogRecord) => ids.has(id);
    let before = 0;
    let after = 0;
    for (const [partition, { end }] of (await log.ends(topic)).entries()) {
      before += (await log.blank?.(topic, partition, which)) ?? 0;
      after += await count(log, topic, partition, end, which);
    }
    stores.push({ store: 'log', name: topic, before, after });
  }
  return stores;
}

/** Blanks the rows of profiles that hold a text of the key. */
async function forgetProfiles(log: EventLog, values: KeyValues): Promise<readonly ForgottenStore[]> {
  const texts = new Set(textsOf(values));
  if (texts.size === 0) return [];
  const which = ({ id, payload }: LogRecord) =>
    id !== '' && decodeProfileRow(payload).texts.some((text) => texts.has(text));
  const [{ end }] = await log.ends(PROFILE_TOPIC);
  const before = (await log.blank?.(PROFILE_TOPIC, 0, which)) ?? 0;
  const after = await count(log, PROFILE_TOPIC, 0, end, which);
  return [{ store: 'log', name: PROFILE_TOPIC, before, after }];
}

/** Reads a partition again and counts. */
async function count(
  log: EventLog,
  topic: string,
  partition: number,
  end: number,
  which: (record: LogRecord, offset: number) => boolean,
): Promise<number> {
  const [begin] = (await log.ends(topic)).slice(partition).map((ends) => ends.begin);
  let found = 0;
  for (let offset = begin; offset < end; ) {
    const { records } = await log.read(topic, partition, offset, Math.min(SCAN_RECORDS, end - offset));
    if (records.length === 0) break;
    records.forEach((record, i) => {
      if (which(record, offset + i)) found += 1;
    });
    offset += records.length;
  }
  return found;
}

const SCAN_RECORDS = 2_000;

function keyTest(
  names: readonly string[],
  keys: readonly KeyColumns[],
  values: KeyValues,
): (row: readonly Value[]) => boolean {
  const tests = keys.map((key) =>
    Object.entries(key).map(([part, column]) => [names.indexOf(column), values[part]] as const),
  );
  return (row) => tests.some((test) => test.every(([at, value]) => row[at] === value));
}

async function forgetHistory(
  offline: OfflineStore,
  scope: ForgetScope,
  values: KeyValues,
  ends: Readonly<Record<string, readonly number[]>>,
  ids: readonly string[],
): Promise<readonly ForgottenStore[]> {
  const tables = forgetTables(
    offline.tables().map(({ table }) => table),
    scope,
    values,
    ends,
    ids,
  );
  const erased: [string, string, number][] = [];
  for (const { name, where } of tables) erased.push([name, where, await offline.erase(name, where)]);
  await offline.purge();
  const stores: ForgottenStore[] = [];
  for (const [name, where, before] of erased) {
    const stored = offline.tables().find(({ table }) => table.name === name);
    let after = 0;
    if (stored !== undefined)
      for await (const rows of offline.query(`SELECT COUNT(*) FROM ${offline.relation(stored.table)} WHERE ${where}`))
        after += rows.reduce((sum, [rowCount]) => sum + Number(rowCount), 0);
    stores.push({ store: 'history', name, before, after });
  }
  return stores;
}
