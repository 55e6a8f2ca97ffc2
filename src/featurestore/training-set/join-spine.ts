import { rmSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, OnDemandViewData, ServiceFeatureSpec } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { SPINE_ID } from '../../features/plan/scan.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import { sqlType } from '../../features/plan/table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { pointInTimeQuery } from '../../features/sql/point-in-time.ts';
import type { OfflineStore, OfflineTable, OfflineValue, RowBatch } from '../../ports/offline-store.ts';
import { pointInTimeRows } from './point-in-time.ts';
import { outsideSql, readSpine, type Spine, type SpineOptions } from './spine.ts';
import { quoted, textLiteral } from './spine-file.ts';

export interface JoinSpineOptions {
  readonly service: FeatureServiceData;
  readonly offline: OfflineStore;
  readonly spine: SpineOptions;
  readonly mode: ReadMode;
  /** Rows that are joined at a time. */
  readonly sliceRows?: number;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/** What a training set of a user's spine holds. */
export interface JoinedSpine {
  readonly path: string;
  /** As many as the spine has. */
  readonly rows: number;
  /** Rows that name no entity for at least one lookup: kept, with nulls for its features. */
  readonly nullKeys: number;
}

/**
 * Writes a spine with the features of a service as of the instant of every row, as one Parquet file: the spine's columns
 * as they are, then the features, in the order of the spine. Memory is bounded by that of the offline store, whatever the
 * number of rows. A decimal is the double that a model is given, a time epoch ms.
 * Errors: those of `readSpine`, SPINE_NAME, OFFLINE_MEMORY, OFFLINE_FULL, OFFLINE_WRITE.
 */
export async function joinSpine(options: JoinSpineOptions, path: string): Promise<JoinedSpine> {
  const { service, offline, sliceRows = SLICE_ROWS } = options;
  const scratch = `${path}.spine`;
  const slices: string[] = [];
  try {
    const spine = await readSpine(offline, service, options.spine, scratch);
    const own = ownColumns(spine, service);
    for (let from = 0; from < spine.rows || from === 0; from += sliceRows) {
      const slice = `${path}.${slices.length}`;
      slices.push(slice);
      await joinSlice(options, own, sliceOf(spine, from, sliceRows), slice);
    }
    const files = slices.map(textLiteral).join(', ');
    const rows = await offline.exportParquet(`FROM read_parquet([${files}], hive_partitioning = false)`, path);
    return { path, rows, nullKeys: spine.nullKeys };
  } finally {
    for (const file of [scratch, ...slices]) rmSync(file, { force: true });
  }
}

/** Rows that are joined at a time: what the engine needs for them fits into its memory, and the scratch directory takes the rest. */
const SLICE_ROWS = 750_000;

function sliceOf(spine: Spine, from: number, rows: number): Spine {
  const within = `WHERE ${SPINE_ID} > ${from} AND ${SPINE_ID} <= ${from + rows}`;
  return { ...spine, asked: `${spine.asked} ${within}`, carried: `${spine.carried} ${within}` };
}

async function joinSlice(options: JoinSpineOptions, own: readonly string[], spine: Spine, path: string): Promise<void> {
  const { service, offline } = options;
  const computed = `${path}.features`;
  try {
    const answers = answersSql(options, spine) ?? (await computedAnswers(options, spine, computed));
    const features = service.features.map(({ name, type }, i) => `${outsideSql(`a.f_${i}`, type)} AS ${quoted(name)}`);
    await offline.exportParquet(
      `SELECT ${[...own, ...features].join(', ')}
FROM (${answers}) AS a
JOIN (${spine.carried}) AS c ON c.${SPINE_ID} = a.id
ORDER BY c.${SPINE_ID}`,
      path,
    );
  } finally {
    rmSync(computed, { force: true });
  }
}

/** The columns of the spine; one that is the feature itself stands once. */
function ownColumns({ own }: Spine, service: FeatureServiceData): readonly string[] {
  const taken = new Set(service.features.map(({ name }) => name.toLowerCase()));
  return own.flatMap(({ name, sql }) => {
    if (isRequestFeature(service, name)) return [];
    if (taken.has(name.toLowerCase())) throw fail('SPINE_NAME', { column: name });
    taken.add(name.toLowerCase());
    return [`${sql} AS ${quoted(name)}`];
  });
}

function isRequestFeature({ computed, features }: FeatureServiceData, name: string): boolean {
  const spec = computed.find(({ alias }) => alias === name);
  return (
    spec?.kind === 'value' &&
    spec.of.kind === 'request' &&
    spec.of.name === name &&
    features.some((feature) => feature.name === name)
  );
}

/** `id` and the features `f_0`, `f_1`, … by SQL alone; null where a feature is finalised or computed outside of it. */
function answersSql({ service, offline, mode }: JoinSpineOptions, spine: Spine): string | null {
  if (service.computed.length > 0) return null;
  const query = pointInTimeQuery({
    service,
    spine: `(${spine.asked})`,
    mode,
    counts: false,
    dialect: duckdb,
    deliveriesOf: (source) => offline.relation(rawTable(source)),
    generationsOf: (view) => offline.relation(batchTable(view)),
  });
  if (query.features.some(({ byParts }) => byParts)) return null;
  const features = service.features.map(({ name }, i) => `${quoted(name)} AS f_${i}`);
  return `SELECT ${[`${SPINE_ID} AS id`, ...features].join(', ')} FROM (${query.sql})`;
}

/** Vectors by the function that serves them, put down in a file of their own. */
async function computedAnswers(options: JoinSpineOptions, spine: Spine, path: string): Promise<string> {
  const { service, offline, mode, onComputeError } = options;
  const rows = pointInTimeRows({ service, offline, spine: spine.asked, mode, counts: false, onComputeError });
  await offline.exportRows(answersTable(service.features), vectorBatches(rows, service.features.length), path);
  return `SELECT * FROM read_parquet(${textLiteral(path)})`;
}

function answersTable(features: readonly ServiceFeatureSpec[]): OfflineTable {
  const columns = features.map(({ type }, i) => [`f_${i}`, sqlType(type)] as const);
  return { name: 'training/answers', columns: Object.fromEntries([['id', 'BIGINT'], ...columns]) };
}

async function* vectorBatches(rows: ReturnType<typeof pointInTimeRows>, width: number): AsyncGenerator<RowBatch> {
  for await (const batch of rows) {
    const features = Array.from({ length: width }, (_, i): OfflineValue[] => batch.map(({ values }) => values[i]));
    yield { rows: batch.length, columns: [batch.map(({ id }) => Number(id)), ...features] };
  }
}
