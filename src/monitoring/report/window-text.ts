import { numberText } from '../../base/number-text.ts';
import { monitorName } from '../../features/define/monitor.ts';
import { labelCountsText } from '../../model/label-maturity.ts';
import { causeLines } from '../cause/cause-text.ts';
import { estimateLines } from '../estimate/estimate-text.ts';
import { lacksReference } from '../monitor/lacks-reference.ts';
import { comparisonText } from './comparison-text.ts';
import type { WindowReport } from './window-report.ts';

/** A window for a terminal: the features first. */
export function windowLines({
  model,
  modelVersion,
  comparison,
  series,
  coverage,
  estimate,
  slices,
  causes,
}: WindowReport): readonly string[] {
  const { window, maturity } = coverage;
  return [
    comparison === null ? lacksReference(model, modelVersion) : comparisonText(comparison),
    ...series.map(({ monitor, state, reason }) => `${monitorName(monitor).padEnd(15)} ${state.padEnd(12)} ${reason}`),
    `labels          ${labelCountsText(window)}, ${maturity.state} (${numberText(maturity.share)} of those that will come)`,
    ...estimateLines(estimate).map((line) => `before labels   ${line}`),
    ...(slices?.slices ?? [])
      .slice(0, 5)
      .map(
        ({ conditions, rows, loss, restLoss }) =>
          `slice           ${conditions.join(' and ')}: loss ${numberText(loss)} on ${rows} rows, ${numberText(restLoss)} elsewhere`,
      ),
    ...causeLines(causes),
  ];
}
