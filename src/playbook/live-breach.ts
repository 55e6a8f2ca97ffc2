import { numberText } from '../base/number-text.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { Rollout } from '../ports/rollout-store.ts';
import { labelJoin } from '../registry/labels.ts';
import { countedPredictions } from '../serving/online/prediction-table.ts';
import { comparedMeans } from '../serving/rollout/compared-means.ts';
import { type Moments, NO_MOMENTS, withValue } from '../stats/moments.ts';
import { intervalOf } from './paired-losses.ts';

/** Columns of the query before those of the label. */
const COLUMNS = 4;

/** How far the loss may be above what it is measured by, as a share. */
const MARGIN = 0.1;

/** Labels below which nothing is said. */
const LEAST = 100;

/** Chance that a sound version is called worse, over all looks. */
const BREACH_ALPHA = 0.05;

/**
 * Whether a promoted version that soaks is certainly worse than it should be, from the history. No champion
 * answers at the same time any longer, and days differ. So a probability is measured by what it says itself: the squared error of a calibrated score p is
 * p(1 − p) on average, whatever the day. A number is measured by the previous version, on its last predictions.
 */
export async function liveBreach(
  model: ModelData,
  history: OfflineStore,
  rollout: Rollout,
  now: number,
): Promise<string | null> {
  if (rollout.state !== 'soaking') return null;
  const own = await excess(model, history, rollout.candidate, { from: rollout.since, to: now }, now);
  const before =
    model.task === 'binary'
      ? null
      : (await excess(model, history, rollout.champion, { from: rollout.startedAt, to: rollout.since }, now)).loss;
  const says = breachOf(own, before);
  return says === null ? null : `the loss of version ${rollout.candidate} is ${says}`;
}

/**
 * Says how a version's losses certainly exceed their expectation: that of its own scores, or where `before` is given
 * the losses of the previous version, whose mean is uncertain too. Null: they do not.
 */
export function breachOf(own: Excess, before: Moments | null): string | null {
  const expected = before ?? own.expected;
  if (own.loss.n < LEAST || expected.n < LEAST) return null;
  const { low } =
    before === null
      ? intervalOf(own.difference)
      : comparedMeans({ sample: own.loss, groups: [] }, { sample: before, groups: [] }, BREACH_ALPHA);
  if (low === null || low <= MARGIN * expected.mean) return null;
  return `${numberText(own.loss.mean)} on ${own.loss.n} labels, ${numberText(expected.mean)} was to be expected`;
}

/** Losses of a version's predictions, what its scores say of them, and the difference. */
export interface Excess {
  readonly loss: Moments;
  readonly expected: Moments;
  readonly difference: Moments;
}

async function excess(
  model: ModelData,
  history: OfflineStore,
  version: number,
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): Promise<Excess> {
  const label = labelJoin(model.label, history, now);
  const counted = countedPredictions(model, history, { from, to });
  const answers = `SELECT "id" AS _id, "at" AS _at, "version", score FROM (${counted}) WHERE "version" = ${version}`;
  const found = { loss: NO_MOMENTS, expected: NO_MOMENTS, difference: NO_MOMENTS };
  for await (const rows of history.query(label.wrap.sql(answers))) {
    for (const row of rows) {
      const { value } = label.read(row.slice(COLUMNS), Number(row[1]));
      if (value === null) continue;
      const score = Number(row[3]);
      const loss = model.task === 'binary' ? (score - value) ** 2 : Math.abs(score - value);
      const expected = score * (1 - score);
      found.loss = withValue(found.loss, loss);
      found.expected = withValue(found.expected, expected);
      found.difference = withValue(found.difference, loss - expected);
    }
  }
  return found;
}
