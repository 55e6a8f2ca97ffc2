import type { OpenSpan } from '../../base/tracer.ts';
import type { LookupSpec } from '../../features/define/declaration.ts';
import type { ReadSteps } from '../../observe/measured-read.ts';
import type { ServedVector } from './served-vector.ts';

/**
 * Ends the span of a read that began at `started`, with a part by view that was looked up and one for the on-demand
 * functions. Views of one answer of the store share its time; others were read one after the other.
 */
export function traceRead(span: OpenSpan, vector: ServedVector, steps: ReadSteps, started: number): void {
  const { service, missing, stale, degraded, at } = vector;
  const ended = performance.now();
  let streamed = 0;
  service.lookups.forEach(({ view }, i) => {
    if (view.kind === 'streamView') streamed += steps.lookupMs[i];
  });
  const inTurn = streamed <= steps.streamMs;
  let turn = 0;
  service.lookups.forEach((lookup, i) => {
    const isStream = lookup.view.kind === 'streamView';
    const from = started + (isStream && inTurn ? turn : 0);
    if (isStream) turn += steps.lookupMs[i];
    span.past(`lookup ${lookup.alias}`, from, Math.min(ended, from + steps.lookupMs[i]), {
      ...viewAttributes(lookup),
      ...(Number.isFinite(steps.ageMs[i]) ? { 'headrace.age_ms': steps.ageMs[i] } : {}),
      'headrace.stale': stale.includes(lookup.alias),
    });
  });
  const functions = service.computed.flatMap((spec) => (spec.kind === 'apply' ? [spec.view.name] : []));
  if (functions.length > 0)
    span.past('on-demand', Math.max(started, ended - steps.computeMs), ended, {
      'headrace.tier': 'request',
      'headrace.views': functions.join(' '),
    });
  span
    .set({
      'headrace.service': service.name,
      'headrace.at': at,
      'headrace.missing': missing.length,
      'headrace.degraded': degraded,
    })
    .end(undefined, ended);
}

function viewAttributes({ view: { name, version, kind, freshnessMs } }: LookupSpec) {
  return {
    'headrace.view': `${name}@${version}`,
    'headrace.tier': kind === 'streamView' ? 'streaming' : 'batch',
    'headrace.freshness_budget_ms': freshnessMs,
  };
}
