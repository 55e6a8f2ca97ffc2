import { numberText } from '../../base/number-text.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { ProxyReport } from './proxies.ts';
import type { WindowEstimate } from './window-estimate.ts';

/** The estimate of a window, with all that it rests on, and the proxies next to it. */
export function estimateLines({ metrics, trust, assumptions, proxies }: WindowEstimate): readonly string[] {
  const { calibrationRows, outsideShare, domainAuc, lastLabelAgeMs } = assumptions;
  const numbers = Object.entries(metrics ?? {}).flatMap(([name, value]) =>
    value === null ? [] : [`${name} ${numberText(value)}`],
  );
  const head = metrics === null ? `cannot tell: ${trust.reasons.join('; ')}` : `estimated ${numbers.join(', ')}`;
  const age =
    lastLabelAgeMs === null
      ? 'no label has come'
      : `the newest labelled prediction is ${durationText(lastLabelAgeMs)} old`;
  const auc = domainAuc === null ? '' : `, domain AUC ${numberText(domainAuc)}`;
  return [
    head,
    `rests on ${calibrationRows} labelled rows; ${numberText(outsideShare)} of the window outside them${auc}; ${age}`,
    ...(proxies.length === 0 ? ['no proxy is declared'] : proxies.map(proxyLine)),
  ];
}

function proxyLine(found: ProxyReport): string {
  const { proxy, state, reason, correlation, lag, window, before, moved, labelEstimate } = found;
  if (state === 'insufficient' || correlation === null) return `proxy ${proxy}: ${reason}`;
  const { value, low, high } = correlation;
  const lead = lag.lead === null ? '' : `, ${durationText(lag.lead.p50)} before the label`;
  const mean = window.mean === null ? 'no value in the window' : `mean ${numberText(window.mean)} of ${window.known}`;
  const was = before.mean === null ? '' : `, ${numberText(before.mean)} before`;
  const certain = moved?.isCertain === true ? ', certainly moved' : '';
  const label = labelEstimate === null ? '' : `; mean label ${numberText(labelEstimate.mean)} if the relation holds`;
  return `proxy ${proxy}: correlation ${numberText(value)} (${numberText(low)} to ${numberText(high)})${lead}; ${mean}${was}${certain}${label}`;
}
