import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { type CoverageStep, coverageAfter, labelCoverage, type Maturity, maturityOf } from './label-coverage.ts';

/** How labels come to a version, and how far those of a window have come. */
export interface CoverageReport {
  /** Predictions that the curve is made of, and those with a label. */
  readonly predictions: number;
  readonly labelled: number;
  /** Share labelled after a time, by Kaplan and Meier, at evenly spaced times. */
  readonly curve: readonly CoverageStep[];
  /** Predictions of the window, and those with a label by now. */
  readonly window: { readonly predictions: number; readonly labelled: number };
  readonly maturity: Maturity;
}

/** Points of a curve. */
const POINTS = 60;

/** Predictions that a curve is made of: of more, the newest before the end of the window. */
const MOST = 100_000;

/** Share of the labels that will ever come that makes a window mature. */
const MATURE_SHARE = 0.8;

/** Columns of the query before those of the label. */
const COLUMNS = 2;

/** The coverage of a version's predictions until the end of a window, as far as it is known at `now`. */
export async function coverageOf(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  version: number,
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): Promise<CoverageReport> {
  const { label } = model;
  const join = labelJoin(label, history, now);
  const time = Object.keys(label.from.columns).indexOf(label.from.time);
  const answers = `
    SELECT "id" AS _id, "at" AS _at FROM ${history.relation(predictionTable(model))}
    WHERE ${ANSWERED} AND "version" = ${version} AND "at" < CAST(${to} AS BIGINT)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1 ORDER BY "at" DESC LIMIT ${MOST}`;
  const delays: { delayMs: number | null; ageMs: number }[] = [];
  const window = { predictions: 0, labelled: 0 };
  for await (const rows of history.query(join.wrap.sql(answers)))
    for (const row of rows) {
      const at = Number(row[1]);
      const came = row.at(-1) === true ? Number(row[COLUMNS + time]) : null;
      const delayMs = came === null || came > now ? null : came - at;
      delays.push({ delayMs, ageMs: Math.min(label.withinMs, now - at) });
      if (at < from) continue;
      window.predictions += 1;
      if (delayMs !== null) window.labelled += 1;
    }
  const steps = labelCoverage(delays);
  return {
    predictions: delays.length,
    labelled: delays.filter(({ delayMs }) => delayMs !== null).length,
    curve: thinned(steps, label.withinMs),
    window,
    maturity: maturityOf(steps, now - to, label.withinMs, MATURE_SHARE),
  };
}

function thinned(steps: readonly CoverageStep[], withinMs: number): readonly CoverageStep[] {
  const last = steps.at(-1)?.afterMs ?? 0;
  const end = Math.min(withinMs, Math.max(1, last));
  if (last === 0 && steps.length === 0) return [];
  return Array.from({ length: POINTS + 1 }, (_, i) => {
    const afterMs = Math.round((end * i) / POINTS);
    return { afterMs, coverage: coverageAfter(steps, afterMs) };
  });
}
