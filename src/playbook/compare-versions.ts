import { fail } from '../base/errors/fail.ts';
import { numberText } from '../base/number-text.ts';
import type { ExplainedMove } from '../features/define/rollout.ts';
import type { Loss } from '../features/define/rollout-loss.ts';
import { rowsOfNumbers } from '../model/row-writer.ts';
import { distributionGap, distributionOf } from '../monitoring/detect/distribution.ts';
import { lossOf } from '../serving/rollout/success.ts';
import { normalSf } from '../stats/distributions/normal.ts';
import { type Moments, NO_MOMENTS, varianceOf, withValue } from '../stats/moments.ts';
import type { PatientScorer } from '../versions/cache/registered-versions.ts';
import type { GateResult } from './actions.ts';

/** A slice of labelled rows, by column. */
export interface LabelledRows {
  readonly columns: ReadonlyMap<string, Float64Array>;
  readonly labels: Float64Array;
}

export interface GateLimits {
  readonly tolerance: number;
  readonly alpha: number;
  readonly rows: number;
  readonly oldDecides: boolean;
}

interface Slice {
  readonly rows: number;
  readonly champion: number;
  readonly candidate: number;
  readonly difference: Moments;
  /** Of the candidate's scores against the champion's. */
  readonly moved: ExplainedMove;
}

/** Rows that are scored at a time. */
const ROWS_A_RUN = 4096;

/** Losses of both versions on the same rows. */
export async function compareOn(
  { columns, labels }: LabelledRows,
  champion: PatientScorer,
  candidate: PatientScorer,
  metric: Loss,
  quantile: number | null,
): Promise<Slice> {
  const loss = lossOf(metric, quantile);
  const [ours, theirs] = [
    await scoresOf(columns, labels.length, candidate),
    await scoresOf(columns, labels.length, champion),
  ];
  let [championLoss, candidateLoss] = [NO_MOMENTS, NO_MOMENTS];
  let difference = NO_MOMENTS;
  for (let i = 0; i < labels.length; i += 1) {
    const [a, b] = [loss(theirs[i], labels[i]), loss(ours[i], labels[i])];
    championLoss = withValue(championLoss, a);
    candidateLoss = withValue(candidateLoss, b);
    difference = withValue(difference, b - a);
  }
  return {
    rows: labels.length,
    champion: championLoss.mean,
    candidate: candidateLoss.mean,
    difference,
    moved: movedOf(theirs, ours),
  };
}

function movedOf(theirs: Float64Array, ours: Float64Array): ExplainedMove {
  if (theirs.length === 0) return { shift: 0, distance: 0 };
  const [a, b] = [theirs, ours].map((scores) => scores.reduce((all, score) => withValue(all, score), NO_MOMENTS));
  const sd = Math.sqrt(varianceOf(a));
  const gap = distributionGap(distributionOf(theirs), distributionOf(ours));
  return { shift: sd > 0 ? (b.mean - a.mean) / sd : 0, distance: gap?.d ?? 0 };
}

/** Scores of rows by one version. */
export async function scoresOf(
  columns: LabelledRows['columns'],
  rows: number,
  scorer: PatientScorer,
): Promise<Float64Array> {
  const { model, version: number, signature } = scorer.version;
  const inputs = signature.features.map((name) => columns.get(name) ?? new Float64Array(rows).fill(Number.NaN));
  const refuse = (reason: string) => fail('MODEL_CELL', { model, version: number, reason });
  const scores = new Float64Array(rows);
  for (let from = 0; from < rows; from += ROWS_A_RUN) {
    const count = Math.min(ROWS_A_RUN, rows - from);
    const block = Array.from({ length: count }, (_, i) => inputs.map((column) => column[from + i]));
    scores.set(await scorer.run(rowsOfNumbers(scorer.inputs, block, refuse)), from);
  }
  return scores;
}

/**
 * Judges the slices: better on the newest rows by a one-sided paired z test at `alpha`, once; on the old ones not worse than
 * `tolerance`, as a share of the champion's loss.
 */
export function gateResult(
  recent: Slice,
  old: Slice | null,
  { tolerance, alpha, rows, oldDecides }: GateLimits,
): GateResult {
  const slices = { recent: numbersOf(recent), ...(old === null ? {} : { old: numbersOf(old) }) };
  const [p, shift] = [chanceOfNoGain(recent), recent.candidate - recent.champion];
  const says = `loss on ${recent.rows} newest rows ${numberText(recent.candidate)}, champion ${numberText(recent.champion)} (p ${numberText(p)})`;
  if (recent.rows < rows) return { isPassed: false, reason: `${recent.rows} newest rows, ${rows} needed`, slices };
  if (shift >= 0 || p > alpha) return { isPassed: false, reason: `no certain gain: ${says}`, slices };
  if (old !== null && old.rows >= rows && oldDecides && old.candidate > old.champion * (1 + tolerance)) {
    const reason = `worse on ${old.rows} old rows: loss ${numberText(old.candidate)}, champion ${numberText(old.champion)}`;
    return { isPassed: false, reason, slices };
  }
  return { isPassed: true, reason: says, slices, explained: recent.moved };
}

function chanceOfNoGain({ difference }: Pick<Slice, 'difference'>): number {
  const { n, mean } = difference;
  const error = Math.sqrt(varianceOf(difference) / Math.max(1, n));
  if (error === 0) return mean < 0 ? 0 : 1;
  return normalSf(-mean / error);
}

function numbersOf({ rows, champion, candidate, difference, moved }: Slice): Readonly<Record<string, number | null>> {
  return {
    rows,
    champion,
    candidate,
    difference: difference.mean,
    p: difference.n === 0 ? null : chanceOfNoGain({ difference }),
    scoreShift: moved.shift,
    scoreDistance: moved.distance,
  };
}
