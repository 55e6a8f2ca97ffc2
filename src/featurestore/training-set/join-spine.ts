import { rmSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, OnDemandViewData, ServiceFeatureSpec } from '../../features/define/declaration.ts';
import { SPINE_ID } from '../../features/plan/scan.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import { sqlType } from '../../features/plan/table.ts';
import { textLiteral } from '../../files/row-file.ts';
import { modelCellSql } from '../../model/model-value.ts';
import type { HistoryEngine } from '../../ports/history-engine.ts';
import type { OfflineStore, OfflineTable, OfflineValue, RowBatch } from '../../ports/offline-store.ts';
import { cutNow, cutText, eachFittingSlice, type Fit, newFit, type Slice } from '../../schedule/fitting-slices.ts';
import { type PastGenerations, pastGenerations } from '../batch/past-generations.ts';
import { computeAnswers } from './computed-answers.ts';
import { type Answers, answeredRows, pointInTimeAnswers, relationsOf } from './point-in-time.ts';
import { type SlidAnswersOptions, slidAnswers } from './slid-answers.ts';
import { readSpine, type Spine, type SpineOptions } from './spine.ts';
import { quoted } from './spine-file.ts';

export interface JoinSpineOptions {
  readonly service: FeatureServiceData;
  readonly offline: OfflineStore;
  /** The engine that joins the features; null: the offline store itself. */
  readonly engine: HistoryEngine | null;
  readonly spine: SpineOptions;
  readonly mode: ReadMode;
  /** Epoch ms: instants of rows are judged by it. */
  readonly now: number;
  /** Rows that are joined at a time. */
  readonly sliceRows?: number;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Called with an engine's progress, in words. */
  readonly onProgress?: (text: string) => void;
  /** Ends it between two slices of rows, with JOB_CANCELLED. */
  readonly signal?: AbortSignal;
}

/** The content of a training set of a user's spine. */
export interface JoinedSpine {
  readonly path: string;
  /** As many as the spine has. */
  readonly rows: number;
  /** Rows that name no entity for at least one lookup: kept, with nulls for its features. */
  readonly nullKeys: number;
  /** Joins of some of the rows that did not fit into the memory of the offline store, and were cut in two. */
  readonly cuts: number;
}

/**
 * Writes a spine with the features of a service as of the instant of every row, as one Parquet file: the spine's columns
 * as they are, then the features, in the order of the spine. Memory is bounded by that of the offline store, whatever the
 * number of rows: a join that does not fit becomes smaller ones. A decimal is the double that a model is given, a time epoch ms.
 * Errors: those of `readSpine`, SPINE_NAME, OFFLINE_MEMORY, OFFLINE_FULL, OFFLINE_WRITE, those of the engine.
 */
export async function joinSpine(options: JoinSpineOptions, path: string): Promise<JoinedSpine> {
  const { service, offline, sliceRows = SLICE_ROWS } = options;
  const scratch = `${path}.spine`;
  const slices: string[] = [];
  const fit = newFit();
  let answered: SpineAnswers | null = null;
  try {
    const spine = await readSpine(offline, service, options.spine, { scratch, now: options.now });
    const own = ownColumns(spine, service);
    answered = await spineAnswers(options, spine, path, fit);
    const { within } = answered;
    const join = async ({ from, to }: NumberedSlice) => {
      if (options.signal?.aborted === true) throw fail('JOB_CANCELLED', { job: path });
      const slice = `${path}.${slices.length}`;
      const where = `WHERE ${SPINE_ID} > ${from} AND ${SPINE_ID} <= ${to}`;
      await joinSlice(options, within(where), `${spine.carried} ${where}`, own, slice);
      slices.push(slice);
      if (to - from < spine.rows) options.onProgress?.(`${to} of ${spine.rows} rows are joined`);
    };
    await eachFittingSlice(numberedSlices(spine.rows, sliceRows), join, {
      cut: inTheMiddle,
      fit,
      onCut: (rows) => options.onProgress?.(cutNow(rows)),
    });
    const files = slices.map(textLiteral).join(', ');
    const rows = await offline.exportParquet(`FROM read_parquet([${files}], hive_partitioning = false)`, path);
    if (fit.cuts > 0) options.onProgress?.(cutText(fit));
    return { path, rows, nullKeys: spine.nullKeys, cuts: fit.cuts };
  } finally {
    answered?.drop();
    for (const file of [scratch, ...slices, `${path}.${slices.length}`]) rmSync(file, { force: true });
  }
}

/** Rows of a spine by their numbers: those above `from`, up to `to`. */
interface NumberedSlice extends Slice {
  readonly from: number;
  readonly to: number;
}

function numbered(from: number, to: number): NumberedSlice {
  return { from, to, rows: to - from };
}

/** Slices of a spine; an empty spine has one, so that its file has columns. */
function numberedSlices(rows: number, sliceRows: number): readonly NumberedSlice[] {
  const slices = Math.max(1, Math.ceil(rows / sliceRows));
  return Array.from({ length: slices }, (_, i) => numbered(i * sliceRows, Math.min(rows, (i + 1) * sliceRows)));
}

async function inTheMiddle({ from, to }: NumberedSlice): Promise<readonly [NumberedSlice, NumberedSlice] | null> {
  const middle = Math.floor((from + to) / 2);
  return middle <= from ? null : [numbered(from, middle), numbered(middle, to)];
}

/** Rows that are joined at a time: what the engine needs for them fits into its memory, and the scratch directory takes the rest. */
const SLICE_ROWS = 750_000;

/** A service's answers for the rows of a spine. */
interface SpineAnswers {
  /** Those of the rows that a WHERE clause over their numbers takes. */
  within(where: string): Answers;
  drop(): void;
}

/** By the offline store slice by slice; by another engine as a whole. */
async function spineAnswers(
  options: JoinSpineOptions,
  { asked }: Spine,
  scratch: string,
  fit: Fit,
): Promise<SpineAnswers> {
  const { engine, onProgress = () => undefined } = options;
  const past = await pastGenerations({ ...options, spine: asked, scratch, onProgress });
  if (engine === null) return joinedAnswers({ ...options, spine: asked, scratch, fit, counts: false }, past);
  try {
    const { query, sql, drop } = await computeAnswers(engine, { ...options, rows: { asked }, past, onProgress });
    return { within: (where) => ({ query, sql: `${sql} ${where}` }), drop };
  } finally {
    past.drop();
  }
}

/** By the offline store: features made of parts for all rows at once, the others for those that are joined. */
async function joinedAnswers(
  options: Omit<SlidAnswersOptions, keyof ReturnType<typeof relationsOf>>,
  past: PastGenerations,
): Promise<SpineAnswers> {
  const relations = relationsOf({ offline: options.offline, generationsOf: past.generationsOf });
  try {
    const slid = await slidAnswers({ ...options, ...relations });
    return {
      within: (where) => pointInTimeAnswers({ ...options, ...relations, ...slid, spine: `${options.spine} ${where}` }),
      drop: () => {
        slid.drop();
        past.drop();
      },
    };
  } catch (error) {
    past.drop();
    throw error;
  }
}

async function joinSlice(
  options: JoinSpineOptions,
  answered: Answers,
  carried: string,
  own: readonly string[],
  path: string,
): Promise<void> {
  const { service, offline } = options;
  const computed = `${path}.features`;
  try {
    const answers = answersSql(service, answered) ?? (await computedAnswers(options, answered, computed));
    const features = service.features.map(
      ({ name, type }, i) => `${modelCellSql(`a.f_${i}`, type)} AS ${quoted(name)}`,
    );
    await offline.exportParquet(
      `SELECT ${[...own, ...features].join(', ')}
FROM (${answers}) AS a
JOIN (${carried}) AS c ON c.${SPINE_ID} = a.id
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
function answersSql({ features }: FeatureServiceData, { query, sql }: Answers): string | null {
  const taken = ['c_0 AS id'];
  for (const [i, { from, feature }] of features.entries()) {
    const found = query.features.find((one) => one.lookup.alias === from && one.feature === feature);
    if (found === undefined || found.byParts) return null;
    taken.push(`c_${found.at} AS f_${i}`);
  }
  const columns = Array.from({ length: query.width }, (_, i) => `c_${i}`);
  return `SELECT ${taken.join(', ')} FROM (${sql}) AS answered(${columns.join(', ')})`;
}

/** Vectors by the function that serves them, written to a file. */
async function computedAnswers(options: JoinSpineOptions, answered: Answers, path: string): Promise<string> {
  const { service, offline } = options;
  const rows = answeredRows(answered, options);
  await offline.exportRows(answersTable(service.features), vectorBatches(rows, service.features.length), path);
  return `SELECT * FROM read_parquet(${textLiteral(path)}, hive_partitioning = false)`;
}

function answersTable(features: readonly ServiceFeatureSpec[]): OfflineTable {
  const columns = features.map(({ type }, i) => [`f_${i}`, sqlType(type)] as const);
  return { name: 'training/answers', columns: Object.fromEntries([['id', 'BIGINT'], ...columns]) };
}

async function* vectorBatches(rows: ReturnType<typeof answeredRows>, width: number): AsyncGenerator<RowBatch> {
  for await (const batch of rows) {
    const features = Array.from({ length: width }, (_, i): OfflineValue[] => batch.map(({ values }) => values[i]));
    yield { rows: batch.length, columns: [batch.map(({ id }) => Number(id)), ...features] };
  }
}
