import type { ModelData } from '../../features/define/declaration.ts';
import { type LabelCounts, NO_LABELS, withLabel } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { countedPredictions } from '../../serving/online/prediction-table.ts';
import { type CoverageStep, coverageAfter, labelCoverage, type Maturity, maturityOf } from './label-coverage.ts';

/** How labels come to a version, and how far those of a window have come. */
export interface CoverageReport {
  /** Predictions that the curve is made of, and those whose label came. */
  readonly predictions: number;
  readonly labelled: number;
  /** Share labelled after a time, by Kaplan and Meier, at evenly spaced times. */
  readonly curve: readonly CoverageStep[];
  /** Predictions of the window by the state of their labels. */
  readonly window: LabelCounts;
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
  const of = `"version" = ${version}`;
  const counted = countedPredictions(model, history, { from: null, to, idsOf: of });
  const answers = `SELECT "id" AS _id, "at" AS _at FROM (${counted}) WHERE ${of} ORDER BY "at" DESC LIMIT ${MOST}`;
  const delays: { delayMs: number | null; ageMs: number }[] = [];
  let window = NO_LABELS;
  for await (const rows of history.query(join.wrap.sql(answers)))
    for (const row of rows) {
      const at = Number(row[1]);
      const { state } = join.read(row.slice(COLUMNS), at);
      const delayMs = state === 'came' ? Number(row[COLUMNS + time]) - at : null;
      delays.push({ delayMs, ageMs: Math.min(label.withinMs, now - at) });
      if (at >= from) window = withLabel(window, state);
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
