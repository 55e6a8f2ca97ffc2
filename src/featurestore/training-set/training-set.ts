import type { FeatureServiceData, ModelData, OnDemandViewData } from '../../features/define/declaration.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import { sqlType } from '../../features/plan/table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { spineQuery } from '../../features/sql/event-queries.ts';
import type { OfflineStore, OfflineTable, OfflineValue, RowBatch } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import { type LabelValue, labelJoin } from './labels.ts';
import { pointInTimeRows } from './point-in-time.ts';
import { timeSlices } from './time-slices.ts';

export interface TrainingSetOptions {
  readonly model: ModelData;
  readonly offline: OfflineStore;
  /** Rows of the spine with `from <= time < to`, epoch ms; null: no bound. */
  readonly between: { readonly from: number | null; readonly to: number | null };
  /** corrected: all accepted events; as-known: only what had arrived at the row's instant. */
  readonly mode: ReadMode;
  /** Rows that are joined at a time. */
  readonly sliceRows?: number;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/** One row of a training set; a row without a label is left out. */
export interface LabelledRow {
  readonly id: string;
  readonly at: number;
  /** In the order of the service's features. */
  readonly values: readonly Value[];
  readonly label: number;
}

/** What a written training set holds. */
export interface TrainingSetSummary {
  readonly path: string;
  readonly rows: number;
  /** Spine rows without a label, left out. */
  readonly unlabelled: number;
}

/** Names of a training set's columns beside the features. */
const ROW_ID = '_id';
const ROW_AT = '_at';
const ROW_LABEL = '_label';

/** Rows of a training set as they are written: `_id`, `_at`, the features in the service's order, `_label` (true is 1). */
function trainingTable(service: FeatureServiceData): OfflineTable {
  const features = service.features.map(({ name, type }) => [name, sqlType(type)] as const);
  return {
    name: `training/${service.name}`,
    columns: Object.fromEntries([[ROW_ID, 'STRING'], [ROW_AT, 'BIGINT'], ...features, [ROW_LABEL, 'DOUBLE']]),
  };
}

/** The rows of a training set: every spine row with the features that were to be had at its instant, and its label. */
export async function* trainingRows(
  options: TrainingSetOptions,
  unlabelled: () => void,
): AsyncGenerator<readonly LabelledRow[]> {
  const { model, offline, sliceRows = SLICE_ROWS } = options;
  const spine = spineOf(options, options.between);
  for (const slice of await timeSlices(model.service, offline, spine, sliceRows)) {
    yield* rowsOfSlice(options, spineOf(options, slice), unlabelled);
  }
}

/** Rows that are joined at a time: with their features and what they are made of they fit into a small engine's memory. */
const SLICE_ROWS = 125_000;

function spineOf({ model, offline }: TrainingSetOptions, between: TrainingSetOptions['between']): string {
  return spineQuery(model, offline.relation(rawTable(model.spine.from)), between, duckdb);
}

async function* rowsOfSlice(
  options: TrainingSetOptions,
  spine: string,
  unlabelled: () => void,
): AsyncGenerator<readonly LabelledRow[]> {
  const { model, offline, mode, onComputeError } = options;
  const label = labelJoin(model.label, offline);
  const rows = pointInTimeRows({
    service: model.service,
    offline,
    spine,
    mode,
    counts: false,
    onComputeError,
    wrap: label.wrap,
  });
  for await (const batch of rows) {
    const labelled: LabelledRow[] = [];
    for (const { id, at, values, also } of batch) {
      const value: LabelValue = label.read(also);
      if (value === null) unlabelled();
      else labelled.push({ id, at, values, label: value });
    }
    yield labelled;
  }
}

/** Writes a training set as one Parquet file. Memory is bounded, whatever the number of rows. */
export async function writeTrainingSet(options: TrainingSetOptions, path: string): Promise<TrainingSetSummary> {
  let unlabelled = 0;
  const rows = trainingRows(options, () => {
    unlabelled += 1;
  });
  const written = await options.offline.exportRows(trainingTable(options.model.service), columnBatches(rows), path);
  return { path, rows: written, unlabelled };
}

async function* columnBatches(batches: AsyncIterable<readonly LabelledRow[]>): AsyncGenerator<RowBatch> {
  for await (const rows of batches) {
    if (rows.length === 0) continue;
    const features = rows[0].values.map((_, i): OfflineValue[] => rows.map(({ values }) => values[i]));
    yield {
      rows: rows.length,
      columns: [rows.map(({ id }) => id), rows.map(({ at }) => at), ...features, rows.map(({ label }) => label)],
    };
  }
}
