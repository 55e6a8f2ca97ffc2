import { numberText } from '../../base/number-text.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { CauseReport, FeatureCause } from './causes.ts';

/** Features that are printed; the JSON has all. */
const MOST_LINES = 40;

/** Causes for a terminal. */
export function causeLines({ model, modelVersion, loss, features, timeLine }: CauseReport): readonly string[] {
  const head =
    loss === null
      ? 'too few labelled rows to weigh the loss by feature'
      : `loss ${numberText(loss.loss.current)} on ${loss.rows.current} rows, ${numberText(loss.loss.reference)} on ${loss.rows.reference} before; unexplained by any one feature: ${numberText(loss.unexplained)}`;
  return [
    `${model} version ${modelVersion}: ${head}`,
    ...features.slice(0, MOST_LINES).map(featureLine),
    ...(features.length > MOST_LINES ? [`… ${features.length - MOST_LINES} more; --json has all`] : []),
    timeLine.length === 0 ? 'nothing changed upstream' : 'upstream:',
    ...timeLine.map(({ at, kind, of, text }) => `  ${new Date(at).toISOString()} ${kind.padEnd(10)} ${of}: ${text}`),
  ];
}

function featureLine(one: FeatureCause): string {
  const from = one.view === null ? 'of the request' : `${one.view} of ${one.sources.join(', ')}`;
  const age = one.ageMs === null ? '' : `, ${durationText(one.ageMs)} old`;
  const fresh = one.freshnessMs === null ? '' : ` (fresh within ${durationText(one.freshnessMs)})`;
  return `  ${one.feature.padEnd(24)} ${one.state.padEnd(12)} share of the loss ${numberText(one.lossShare).padEnd(8)} PSI ${numberText(one.debiasedPsi).padEnd(8)} ${from}${age}${fresh}`;
}
