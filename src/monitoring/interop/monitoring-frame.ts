import type { LabelSpec, ModelData } from '../../features/define/declaration.ts';
import { sourceColumn } from '../../features/plan/names.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import { isAwaitedSql } from '../../model/label-maturity.ts';
import { modelCellSql } from '../../model/model-value.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelEvents } from '../../registry/labels.ts';
import { countedPredictions } from '../../serving/online/prediction-table.ts';

/** The forms of a frame: columns as another program names them. */
export const FRAME_KINDS = ['arize', 'nannyml'] as const;

export type FrameKind = (typeof FRAME_KINDS)[number];

export interface FrameOptions {
  readonly kind: FrameKind;
  readonly from: number;
  readonly to: number;
  /** Labels that can still come by then are null. */
  readonly now: number;
}

/** Share of the scores from which a prediction is positive. */
const THRESHOLD = 0.5;

/**
 * SQL of a model's predictions in [from, to) with their logged features and labels, one row each: for Parquet that other monitors read.
 *
 * | column | `arize` | `nannyml` |
 * |---|---|---|
 * | id | `prediction_id` | `prediction_id` |
 * | instant | `prediction_ts`, epoch seconds | `timestamp`, UTC |
 * | score | `prediction_score` | `y_pred_proba`; of a number `y_pred` |
 * | prediction | `prediction_label` | `y_pred` |
 * | label | `actual_label` | `y_true` |
 * | version | `tag_version` | `version` |
 *
 * Features have their own names. Lists, embeddings and times are left out. A feature is null where its vector was not logged.
 */
export function frameSql(model: ModelData, history: Pick<OfflineStore, 'relation'>, options: FrameOptions): string {
  const { kind, from, to, now } = options;
  const features = frameFeatures(model).map(
    ({ name, type }) => `${modelCellSql(`s."f_${escaped(name)}"`, type)} AS "${escaped(name)}"`,
  );
  const vectors = `SELECT * FROM ${history.relation(servedTable(model.service))} QUALIFY ROW_NUMBER() OVER (PARTITION BY _id ORDER BY _at) = 1`;
  const columns = [...ownColumns(model, kind, now), ...features].join(', ');
  return `
    SELECT ${columns} FROM (${countedPredictions(model, history, { from, to })}) AS p
    LEFT JOIN (${vectors}) AS s ON s._id = p."id"
    LEFT JOIN (${labels(model.label, history, now)}) AS l
      ON l.l_of = p."id" AND l.l_time >= p."at" AND l.l_time <= p."at" + CAST(${model.label.withinMs} AS BIGINT)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY p."id", p."at" ORDER BY l.l_time NULLS LAST, l.l_event) = 1
    ORDER BY p."at", p."id"`;
}

/** Features of a frame: values that other programs take. */
export function frameFeatures({ service }: Pick<ModelData, 'service'>) {
  return service.features.filter(({ type }) => !['list', 'embedding', 'time'].includes(type.type));
}

function ownColumns(model: ModelData, kind: FrameKind, now: number): readonly string[] {
  const isBinary = model.task === 'binary';
  const label = labelValue(model, now);
  const predicted = isBinary ? `p.score >= ${THRESHOLD}` : 'p.score';
  if (kind === 'nannyml')
    return [
      'p."id" AS prediction_id',
      'make_timestamp(p."at" * 1000) AS "timestamp"',
      ...(isBinary ? ['p.score AS y_pred_proba', `CAST(${predicted} AS BIGINT) AS y_pred`] : ['p.score AS y_pred']),
      `${isBinary ? `CAST(${label} AS BIGINT)` : label} AS y_true`,
      'p."version" AS version',
    ];
  const text = (value: string) =>
    isBinary ? `CASE WHEN ${value} THEN 'true' WHEN NOT ${value} THEN 'false' END` : value;
  return [
    'p."id" AS prediction_id',
    'p."at" // 1000 AS prediction_ts',
    'p.score AS prediction_score',
    `${text(`(${predicted})`)} AS prediction_label`,
    `${text(`(${label})`)} AS actual_label`,
    'CAST(p."version" AS VARCHAR) AS tag_version',
  ];
}

/** The label: the one that came, the declared one once none can come, otherwise null. */
function labelValue({ task, label }: ModelData, now: number): string {
  const { otherwise } = label;
  const type = task === 'binary' ? 'BOOLEAN' : 'DOUBLE';
  const none =
    otherwise === null ? 'NULL' : `CASE WHEN NOT (${isAwaitedSql(label, 'p."at"', now)}) THEN ${String(otherwise)} END`;
  return `COALESCE(CAST(l.l_value AS ${type}), CAST(${none} AS ${type}))`;
}

function labels(label: LabelSpec, history: Pick<OfflineStore, 'relation'>, now: number): string {
  const { from, id } = label;
  return `
    SELECT ${sourceColumn(id)} AS l_of, ${sourceColumn(from.time)} AS l_time, ${sourceColumn(from.id)} AS l_event, l_value
    FROM (${labelEvents(label, history, now)})`;
}

function escaped(name: string): string {
  return name.replaceAll('"', '""');
}
