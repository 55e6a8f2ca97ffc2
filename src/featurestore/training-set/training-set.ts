import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, ModelData, OnDemandViewData } from '../../features/define/declaration.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { spineQuery } from '../../features/sql/event-queries.ts';
import { type LabelCounts, type LabelState, NO_LABELS, withLabel } from '../../model/label-maturity.ts';
import { modelCell, modelColumn } from '../../model/model-value.ts';
import type { HistoryEngine } from '../../ports/history-engine.ts';
import type { OfflineStore, OfflineTable, OfflineValue, RowBatch } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { cutText, type Fit, newFit } from '../../schedule/fitting-slices.ts';
import type { Value } from '../../schema/column.ts';
import { type PastGenerations, pastGenerations } from '../batch/past-generations.ts';
import { computeAnswers } from './computed-answers.ts';
import { type AnsweredRowsOptions, answeredRows, type PointInTimeRow, pointInTimeRows } from './point-in-time.ts';
import { timeSlices } from './time-slices.ts';
import { type FeatureWatch, type UniformFeature, uniformText, watchFeatures } from './uniform-features.ts';

export interface TrainingSetOptions {
  readonly model: ModelData;
  readonly offline: OfflineStore;
  /** The engine that joins the features; null: the offline store itself. */
  readonly engine: HistoryEngine | null;
  /** Rows of the spine with `from <= time < to`, epoch ms; null: no bound. */
  readonly between: { readonly from: number | null; readonly to: number | null };
  /** Labels can have come by now, epoch ms. */
  readonly now: number;
  /** corrected: all accepted events; as-known: only what had arrived at the row's instant. */
  readonly mode: ReadMode;
  /** Spans whose rows are left out. */
  readonly exclude?: readonly { readonly from: number; readonly to: number }[];
  /** Rows that are joined at a time. */
  readonly sliceRows?: number;
  /** Shared by all slices: those that fit into the memory of the offline store. */
  readonly fit?: Fit;
  /** Prefix of scratch files; without it rows before the first run of a batch view have nulls from it. */
  readonly scratch?: string;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Called with an engine's progress, and warnings, in words. */
  readonly onProgress?: (text: string) => void;
  /** Ends it between two batches of rows, with JOB_CANCELLED. */
  readonly signal?: AbortSignal;
}

/** One row of a training set; a row without a label is left out. */
export interface LabelledRow {
  readonly id: string;
  readonly at: number;
  /** In the order of the service's features. */
  readonly values: readonly Value[];
  readonly label: number;
}

/** The content of a written training set. */
export interface TrainingSetSummary {
  readonly path: string;
  readonly rows: number;
  /** Spine rows without a label, left out; those whose label may still come are among them. */
  readonly unlabelled: number;
  /** Spine rows whose label may still come. */
  readonly pending: number;
  /** Of the rows, those whose label is the declared `otherwise`. */
  readonly assumed: number;
  /** Joins of some of the rows that did not fit into the memory of the offline store, and were cut in two. */
  readonly cuts: number;
  /** Features that are null, or one value, in all rows. */
  readonly uniform: readonly UniformFeature[];
}

/** Names of a training set's columns besides the features. */
const ROW_ID = '_id';
/** The instant of the row, epoch ms. */
export const ROW_AT = '_at';
const ROW_LABEL = '_label';

/** Rows of a training set as they are written: `_id`, `_at`, the features as a model sees them, in the service's order, `_label` (true is 1). */
function trainingTable(service: FeatureServiceData): OfflineTable {
  const features = service.features.map(({ name, type }) => [name, modelColumn(type)] as const);
  return {
    name: `training/${service.name}`,
    columns: Object.fromEntries([[ROW_ID, 'STRING'], [ROW_AT, 'BIGINT'], ...features, [ROW_LABEL, 'DOUBLE']]),
  };
}

/** The rows of a training set: every spine row with the features that were available at its instant, and its label. */
export async function* trainingRows(
  options: TrainingSetOptions,
  seen: (label: LabelState) => void,
): AsyncGenerator<readonly LabelledRow[]> {
  const { engine } = options;
  yield* engine === null ? joinedRows(options, seen) : computedRows(engine, options, seen);
}

/** Rows that are joined at a time: with their features and what they are made of they fit into a small engine's memory. */
const SLICE_ROWS = 125_000;

/** By the offline store, slice by slice. */
async function* joinedRows(
  options: TrainingSetOptions,
  seen: (label: LabelState) => void,
): AsyncGenerator<readonly LabelledRow[]> {
  const { model, offline, mode, sliceRows = SLICE_ROWS, fit = newFit(), scratch, onProgress, signal } = options;
  const run = { fit, scratch, onProgress, signal };
  const { service } = model;
  const spineOf = (between: TrainingSetOptions['between']) =>
    spineQuery(model, offline.relation(rawTable(model.spine.from)), between, duckdb);
  const past = await pastOf(options);
  const generationsOf = past === null ? {} : { generationsOf: past.generationsOf };
  try {
    const slices = await timeSlices(service, offline, spineOf(options.between), sliceRows);
    for (const [i, slice] of slices.entries()) {
      yield* labelledRows(
        options,
        (read) => pointInTimeRows({ ...read, ...run, spine: spineOf(slice), mode, counts: false, ...generationsOf }),
        seen,
      );
      if (slices.length > 1) onProgress?.(`slice ${i + 1} of ${slices.length} is joined`);
    }
  } finally {
    past?.drop();
  }
}

/** The generations that rows from before the first run of a batch view read. */
async function pastOf(options: TrainingSetOptions): Promise<PastGenerations | null> {
  const { model, offline, between, mode, scratch, onProgress = () => undefined } = options;
  if (scratch === undefined) return null;
  const spine = spineQuery(model, offline.relation(rawTable(model.spine.from)), between, duckdb);
  return pastGenerations({ service: model.service, offline, spine, mode, scratch, onProgress });
}

/** By another engine, as a whole; labels are joined slice by slice. */
async function* computedRows(
  engine: HistoryEngine,
  options: TrainingSetOptions,
  seen: (label: LabelState) => void,
): AsyncGenerator<readonly LabelledRow[]> {
  const { model, offline, between, mode, sliceRows = SLICE_ROWS, onProgress = () => undefined } = options;
  const { service } = model;
  const past = await pastOf(options);
  let drop: () => void = () => undefined;
  try {
    const rows = { model, between };
    const answers = await computeAnswers(engine, { service, offline, rows, mode, past, onProgress });
    const { query, sql } = answers;
    drop = () => answers.drop();
    for (const { from, to } of await timeSlices(service, offline, sql, sliceRows)) {
      const slice = `${sql} WHERE _at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT)`;
      yield* labelledRows(options, (read) => answeredRows({ query, sql: slice }, read), seen);
    }
  } finally {
    drop();
    past?.drop();
  }
}

async function* labelledRows(
  { model, offline, now, exclude = [], onComputeError }: TrainingSetOptions,
  rowsOf: (read: AnsweredRowsOptions) => AsyncGenerator<readonly PointInTimeRow[]>,
  seen: (label: LabelState) => void,
): AsyncGenerator<readonly LabelledRow[]> {
  const label = labelJoin(model.label, offline, now);
  for await (const batch of rowsOf({ service: model.service, offline, onComputeError, wrap: label.wrap })) {
    const labelled: LabelledRow[] = [];
    for (const { id, at, values, also } of batch) {
      if (exclude.some(({ from, to }) => at >= from && at < to)) continue;
      const { state, value } = label.read(also, at);
      seen(state);
      if (value !== null) labelled.push({ id, at, values, label: value });
    }
    yield labelled;
  }
}

/** Writes a training set as one Parquet file. Memory is bounded, whatever the number of rows. */
export async function writeTrainingSet(options: TrainingSetOptions, path: string): Promise<TrainingSetSummary> {
  const { offline, model, onProgress } = options;
  let labels = NO_LABELS;
  const fit = newFit();
  const rows = untilAborted(
    trainingRows({ ...options, scratch: path, fit }, (state) => {
      labels = withLabel(labels, state);
    }),
    options.signal,
    path,
  );
  const watch = watchFeatures(model.service);
  const batches = columnBatches(model.service, rows, watch);
  const written = await offline.exportRows(trainingTable(model.service), batches, path);
  const uniform = await watch.uniform(offline);
  for (const feature of uniform) onProgress?.(uniformText(feature));
  if (fit.cuts > 0) onProgress?.(cutText(fit));
  return { path, rows: written, ...leftOut(labels), cuts: fit.cuts, uniform };
}

function leftOut({ predictions, labelled, assumed, pending }: LabelCounts) {
  return { unlabelled: predictions - labelled, pending, assumed };
}

async function* untilAborted<T>(batches: AsyncIterable<T>, signal: AbortSignal | undefined, job: string) {
  for await (const batch of batches) {
    if (signal?.aborted === true) throw fail('JOB_CANCELLED', { job });
    yield batch;
  }
}

async function* columnBatches(
  { features: specs }: FeatureServiceData,
  batches: AsyncIterable<readonly LabelledRow[]>,
  watch: FeatureWatch,
): AsyncGenerator<RowBatch> {
  const cells = specs.map(({ type }) => modelCell(type));
  for await (const rows of batches) {
    if (rows.length === 0) continue;
    watch.see(rows);
    const features = cells.map((cell, i): OfflineValue[] => rows.map(({ values }) => cell(values[i])));
    yield {
      rows: rows.length,
      columns: [rows.map(({ id }) => id), rows.map(({ at }) => at), ...features, rows.map(({ label }) => label)],
    };
  }
}
