import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { numberText } from '../../base/number-text.ts';
import type { Comparison } from '../detect/comparison.ts';
import type { FeatureComparison } from '../detect/feature-comparison.ts';

/** The effect from which a feature can drift by the default rule. */
const LEAST_EFFECT = 0.05;

const METHOD = 'Headrace debiased PSI';
const VECTOR_METHOD = 'squared MMD';
const DRIFT = 'evidently:metric_v2:ValueDrift';
const COUNT = 'evidently:metric_v2:DriftedColumnsCount';

/** One column as a report of Evidently has it. */
export interface EvidentlyColumn {
  readonly column: string;
  readonly method: string;
  readonly threshold: number | null;
  /** A p-value for methods that say so, a distance otherwise; null where the report has no number. */
  readonly value: number | null;
  /** By the method's own threshold; null where one of both is missing. */
  readonly drifted: boolean | null;
}

const params = z.looseObject({
  type: z.string(),
  column: z.string().optional(),
  method: z.string().nullish(),
  threshold: z.number().nullish(),
});
const value = z.number().nullish().catch(null);

/** `Snapshot.save_json` and `.json()` of Evidently 0.7. */
const report = z.looseObject({ metrics: z.array(z.looseObject({ config: params, value })).max(100_000) });

/** `Snapshot.dumps` of Evidently 0.7: the whole snapshot. */
const snapshot = z.looseObject({
  metric_results: z.record(
    z.string(),
    z.looseObject({ metric_value_location: z.looseObject({ metric: z.looseObject({ params }) }), value }),
  ),
});

/** Reads the drift of columns from a report of Evidently 0.7, in either of its forms. Error: DRIFT_EVIDENTLY. */
export function readEvidentlyReport(text: string): readonly EvidentlyColumn[] {
  const data = parsedJson(text);
  const short = report.safeParse(data);
  const metrics = short.success
    ? short.data.metrics.map((one) => ({ params: one.config, value: one.value }))
    : snapshotMetrics(data);
  const columns = metrics.flatMap(({ params: of, value: found }) =>
    of.type === DRIFT ? [columnOf(of, found ?? null)] : [],
  );
  if (columns.length === 0) throw refused('it has no drift of a column (ValueDrift)');
  return columns;
}

function snapshotMetrics(data: unknown) {
  const whole = snapshot.safeParse(data);
  if (!whole.success) throw refused('it has neither "metrics" nor "metric_results" as Evidently 0.7 writes them');
  return Object.values(whole.data.metric_results).map((one) => ({
    params: one.metric_value_location.metric.params,
    value: one.value,
  }));
}

function columnOf(of: z.output<typeof params>, found: number | null): EvidentlyColumn {
  const { column, method, threshold = null } = of;
  if (column === undefined) throw refused('a drift has no column');
  const isP = /p[_-]?value/i.test(method ?? '');
  const drifted = threshold === null || found === null ? null : isP ? found < threshold : found >= threshold;
  return { column, method: method ?? 'unknown', threshold, value: found, drifted };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused('it is no JSON');
  }
}

/**
 * A comparison as a snapshot that Evidently 0.7 opens (`Snapshot.loads`): the debiased PSI of each judged feature (of an
 * embedding the squared MMD), the limit that it must exceed, and the number of features that drifted.
 */
export function evidentlySnapshot(comparison: Comparison, at: number): string {
  const judged = comparison.features.filter(
    ({ effect, vectors, state }) => (effect !== null || vectors) && (state === 'drift' || state === 'ok'),
  );
  const drifted = judged.filter(({ state }) => state === 'drift');
  const results = [countResult(drifted.length, judged.length), ...judged.map(driftResult)];
  return JSON.stringify({
    report: { items: [] },
    name: `${comparison.reference.name} / ${comparison.current.name}`,
    timestamp: new Date(at).toISOString().slice(0, -1),
    metadata: { verdict: comparison.verdict },
    tags: ['headrace'],
    metric_results: Object.fromEntries(
      results.map((result) => [result.metric_value_location.metric.metric_id, result]),
    ),
    top_level_metrics: results.map((result) => result.metric_value_location.metric.metric_id),
    widgets: results.flatMap(({ widget }) => widget),
    tests_widgets: [],
  });
}

function driftResult(feature: FeatureComparison) {
  const { name, state, reason, effect, limit, vectors } = feature;
  const [method, value, threshold] = vectors
    ? [VECTOR_METHOD, vectors.mmd, vectors.limit]
    : [METHOD, effect?.debiasedPsi ?? 0, Math.max(LEAST_EFFECT, limit?.psi ?? 0)];
  return {
    type: 'evidently:metric_result_v2:SingleValue',
    display_name: `Value drift for ${name}`,
    ...location({ type: DRIFT, column: name, method, threshold }),
    widget: [counter(`${name}: ${state}`, `${method} ${numberText(value)}: ${reason}`)],
    tests: [],
    value,
  };
}

function countResult(count: number, of: number) {
  const place = location({ type: COUNT, drift_share: 0.5 });
  const single = (kind: 'count' | 'share', value: number) => ({
    type: 'evidently:metric_result_v2:SingleValue',
    display_name: `${kind === 'count' ? 'Count' : 'Share'} of Drifted Columns`,
    metric_value_location: { ...place.metric_value_location, param: { value_type: kind } },
    widget: null,
    tests: [],
    value,
  });
  return {
    type: 'evidently:metric_result_v2:CountValue',
    display_name: 'Count of Drifted Columns',
    ...place,
    widget: [counter(`${count} of ${of} features drifted`, 'effect, evidence and more than the usual spread')],
    tests: [],
    count: single('count', count),
    share: single('share', of === 0 ? 0 : count / of),
  };
}

function location(of: Readonly<Record<string, string | number>>) {
  return { metric_value_location: { metric: { metric_id: idOf(JSON.stringify(of)), params: of }, param: {} } };
}

function counter(title: string, label: string) {
  return {
    type: 'counter',
    title: '',
    size: 2,
    id: idOf(`${title}\n${label}`),
    details: '',
    alertsPosition: null,
    alertStats: null,
    params: { counters: [{ value: title, label }] },
    insights: [],
    additionalGraphs: [],
    alerts: [],
    tabs: [],
    widgets: [],
    pageSize: 5,
  };
}

function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function refused(reason: string): Error {
  return fail('DRIFT_EVIDENTLY', { reason });
}
