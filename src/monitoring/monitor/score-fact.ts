import type { ModelData } from '../../features/define/declaration.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { ScoreCounts } from '../../stats/score-counts.ts';

/** Groups of equally many rows, whose scores and labels are compared. */
const GROUPS = 10;
/** A score from here on is the positive class. */
const THRESHOLD = 0.5;

/** Counts of the rows of a window, from which a fact follows. */
export interface FactCounter {
  readonly add: (score: number, label: number) => void;
  /** Null: too few rows. */
  readonly value: () => number | null;
  /** Numbers that it holds; more rows do not make them more. */
  readonly held: () => number;
}

/** One number of the scores of a window, and the labels that it needs. */
export interface ScoreFact {
  readonly name: string;
  readonly needsLabels: boolean;
  /** Whether a lower value is drift, too. */
  readonly isTwoSided: boolean;
  readonly count: () => FactCounter;
}

/** The mean of a value of each row: a sum and a count. */
function meanOf(of: (sum: number, score: number, label: number) => number): FactCounter {
  let [sum, rows] = [0, 0];
  return {
    add: (score, label) => {
      sum = of(sum, score, label);
      rows += 1;
    },
    value: () => (rows === 0 ? null : sum / rows),
    held: () => 2,
  };
}

const CLASS_SHARE: ScoreFact = {
  name: 'share of the positive class',
  needsLabels: false,
  isTwoSided: true,
  count: () => meanOf((sum, score) => sum + (score >= THRESHOLD ? 1 : 0)),
};

/** Expected calibration error over ten groups of equally many rows, from counts by bins of scores. */
const CALIBRATION: ScoreFact = {
  name: 'calibration error',
  needsLabels: true,
  isTwoSided: false,
  count: () => {
    const counts = new ScoreCounts();
    return {
      add: (score, label) => counts.add(score, label),
      value: () => counts.calibrationError(GROUPS)?.value ?? null,
      held: () => counts.held,
    };
  },
};

/** A number is calibrated where it is right on average. */
const BIAS: ScoreFact = {
  name: 'mean error',
  needsLabels: true,
  isTwoSided: true,
  count: () => meanOf((sum, score, label) => sum + score - label),
};

/** The fact that a monitor of class shares or calibration watches. */
export function factOf({ task }: Pick<ModelData, 'task'>, { on }: Pick<ResolvedMonitor, 'on'>): ScoreFact {
  if (on === 'classShares') return CLASS_SHARE;
  return task === 'binary' ? CALIBRATION : BIAS;
}
