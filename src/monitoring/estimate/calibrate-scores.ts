import { type Random, randomBelow, seededRandom } from '../../base/rng.ts';
import { auc } from '../../stats/auc.ts';
import { expectedCalibrationError } from '../../stats/expected-calibration-error.ts';
import { fitIsotonic, type Isotonic, isotonicAt } from '../../stats/isotonic-regression.ts';

/** Turns a score into the probability of a positive. */
export interface ScoreCalibrator {
  /** Null: the scores are used as they are. */
  readonly curve: Isotonic | null;
  /** Expected calibration errors on rows left out of the fit; null where they were not needed. */
  readonly error: { readonly raw: number; readonly calibrated: number } | null;
}

const SPLITS = 10;
const TEST_SHARE = 0.1;
/** Scores that separate so well need no curve (NannyML). */
const SEPARATED = 0.999;

/**
 * Decides whether scores need calibration, and fits it: isotonic on nine tenths of the rows, judged on the last, ten
 * times, by class. The curve is then fitted to all rows. The rule is NannyML's (`calibration.py`).
 */
export function calibrateScores(scores: Float64Array, labels: Float64Array, seed: number): ScoreCalibrator {
  const area = auc(scores, labels);
  if (area === null || area > SEPARATED) return { curve: null, error: null };
  const random = seededRandom(seed);
  const [plain, fitted, truth]: [number[], number[], number[]] = [[], [], []];
  for (let split = 0; split < SPLITS; split += 1) {
    const isTest = stratified(labels, random);
    const pick = (values: Float64Array, test: number) => values.filter((_, i) => isTest[i] === test);
    const curve = fitIsotonic(pick(scores, 0), pick(labels, 0));
    if (curve === null) return { curve: null, error: null };
    for (let i = 0; i < scores.length; i += 1) {
      if (isTest[i] === 0) continue;
      plain.push(scores[i]);
      fitted.push(isotonicAt(curve, scores[i]));
      truth.push(labels[i]);
    }
  }
  const raw = expectedCalibrationError(plain, truth);
  const calibrated = expectedCalibrationError(fitted, truth);
  if (raw === null || calibrated === null) return { curve: null, error: null };
  return { curve: raw > calibrated ? fitIsotonic(scores, labels) : null, error: { raw, calibrated } };
}

/** A tenth of each class, at random. */
function stratified(labels: Float64Array, random: Random): Uint8Array {
  const isTest = new Uint8Array(labels.length);
  for (const label of [0, 1]) {
    const own = Array.from(labels.keys()).filter((i) => labels[i] === label);
    const wanted = Math.round(own.length * TEST_SHARE);
    for (let i = 0; i < wanted; i += 1) {
      const j = i + randomBelow(random, own.length - i);
      [own[i], own[j]] = [own[j], own[i]];
      isTest[own[i]] = 1;
    }
  }
  return isTest;
}

export function probabilitiesOf({ curve }: ScoreCalibrator, scores: Float64Array): Float64Array {
  return curve === null ? scores : scores.map((score) => isotonicAt(curve, score));
}
