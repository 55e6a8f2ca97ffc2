import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import { modelCellSql } from '../../model/model-value.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { ANSWERED, predictionTable } from '../../serving/online/prediction-table.ts';
import { HOURS_OF_WEEK, hourOfWeek } from '../detect/seasonal-counts.ts';
import { addNumber, addText, createColumnSketch } from '../profile/column-sketch.ts';
import { createProfile, type Profile } from '../profile/profile.ts';
import { readWindow } from '../served/read-window.ts';

type History = Pick<OfflineStore, 'query' | 'relation'>;

/** The vectors of a window, and how many of those served they are. */
export interface WindowVectors {
  readonly profile: Profile;
  /** Null: there are no profiles of the window, and the logged sample stands for it. */
  readonly covered: { readonly served: number; readonly profiled: number } | null;
  /** Its vectors by hour of the week. */
  readonly hours: Float64Array;
}

/**
 * Profiles the vectors that were served in [from, to), over the bins of `like`: those features that it has. Profiles of all vectors are
 * merged; the logged sample stands for features without one, lists and embeddings, and for a span without any.
 */
export async function windowVectors(
  history: History,
  service: FeatureServiceData,
  like: Profile,
  span: { readonly from: number; readonly to: number },
): Promise<WindowVectors> {
  const window = await readWindow(history, service, like, span);
  if (window === null) return { ...(await vectorProfile(history, service, like, span)), covered: null };
  const { profile, served, profiled, hours } = window;
  const rest = new Map([...like.columns].filter(([name]) => !profile.columns.has(name)));
  if (rest.size > 0) {
    const sampled = await vectorProfile(history, service, { rows: 0, columns: rest }, span);
    for (const [name, column] of sampled.profile.columns) profile.columns.set(name, column);
  }
  return { profile, covered: { served, profiled }, hours };
}

/**
 * Profiles the logged vectors of [from, to), over the bins of `like`: those features that it has. Rows come in one order: the
 * quantiles of a sketch depend on it, and a replay must find the same.
 */
async function vectorProfile(
  history: History,
  service: FeatureServiceData,
  like: Profile,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Pick<WindowVectors, 'profile' | 'hours'>> {
  const profile = createProfile();
  const hours = new Float64Array(HOURS_OF_WEEK);
  const features = service.features.flatMap(({ name, type }) => {
    const known = like.columns.get(name);
    if (known === undefined) return [];
    const sketch = createColumnSketch(known.type, known.bins);
    profile.columns.set(name, sketch);
    return [{ name, type, sketch }];
  });
  if (features.length === 0) return { profile, hours };
  const columns = features.map(({ name, type }) => cellSql(`"f_${name.replaceAll('"', '""')}"`, type));
  const sql = `SELECT ${columns.join(', ')}, _at FROM ${history.relation(servedTable(service))} AS t
WHERE _at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT) ORDER BY _at, _id`;
  for await (const rows of history.query(sql)) {
    profile.rows += rows.length;
    features.forEach(({ sketch }, c) => {
      for (const row of rows) {
        if (sketch.type === 'text') addText(sketch, row[c] === null ? null : String(row[c]));
        else addNumber(sketch, row[c] === null ? null : Number(row[c]));
      }
    });
    for (const row of rows) hours[hourOfWeek(Number(row[features.length]))] += 1;
  }
  return { profile, hours };
}

/** Share of the logged vectors of [from, to) in which all the named features are missing. */
export async function missingTogether(
  history: History,
  service: FeatureServiceData,
  names: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  const missing = names.map((name) => `"f_${name.replaceAll('"', '""')}" IS NULL`).join(' AND ');
  const sql = `SELECT COUNT(*) FILTER (${missing}), COUNT(*) FROM ${history.relation(servedTable(service))} AS t
WHERE _at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT)`;
  for await (const [[both, all] = []] of history.query(sql)) return Number(both) / Math.max(1, Number(all));
  return 0;
}

/** A feature as the training set holds it; several values as the text that a reference has of them. */
function cellSql(column: string, spec: ColumnSpec): string {
  const cell = modelCellSql(column, spec);
  return spec.type === 'list' || spec.type === 'embedding' ? `CAST(${cell} AS VARCHAR)` : cell;
}

/** Answers of a version before an instant. */
export async function answersBefore(
  history: History,
  model: ModelData,
  version: number,
  before: number,
): Promise<number> {
  const sql = `SELECT COUNT(*) FROM ${history.relation(predictionTable(model))} WHERE "version" = ${version} AND ${ANSWERED} AND "at" < CAST(${before} AS BIGINT)`;
  let count = 0;
  for await (const rows of history.query(sql)) for (const [found] of rows) count += Number(found);
  return count;
}

/** When a version first answered, and last; null: never. */
export async function servedSpan(
  history: History,
  model: ModelData,
  version: number,
): Promise<{ readonly from: number; readonly to: number } | null> {
  const sql = `SELECT MIN("at"), MAX("at") FROM ${history.relation(predictionTable(model))} WHERE "version" = ${version} AND ${ANSWERED}`;
  for await (const rows of history.query(sql)) {
    const [[from, to] = []] = rows;
    if (from !== null && from !== undefined) return { from: Number(from), to: Number(to) };
  }
  return null;
}
