import { windowNames } from '../analysis/steps.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import type { Confidence, Evidence, FindingDraft } from '../finding.ts';

/** A rule over one device of one trace: what it finds, unranked; nothing below 5 % of the step. */
export type TraceRule = (facts: TraceFacts, remaining: Remaining) => readonly FindingDraft[];

/** The rest of a typical step after the findings accepted so far. Microseconds. */
export interface Remaining {
  readonly stepUs: number;
  readonly computationUs: number;
}

/** The scope of a finding about a trace. */
export function scopeOf({ file, trace, device, windows }: TraceFacts): FindingDraft['scope'] {
  return { file, rank: trace.rank ?? null, device, window: windowNames[windows[0].kind] };
}

/** Evidence from the steady windows of a trace. */
export function evidence(
  { file, steady }: TraceFacts,
  what: string,
  value: number | string,
  unit: string,
  events?: readonly (number | string)[],
): Evidence {
  const rangeUs = [steady[0].start, steady[steady.length - 1].end] as const;
  return events === undefined ? { file, what, value, unit, rangeUs } : { file, what, value, unit, rangeUs, events };
}

/** Time per typical step of a sum over the steady windows. */
export function perStep({ stepUs, sum }: TraceFacts, us: number): number {
  return (us / sum.totalUs) * stepUs;
}

/** Confidence from how much was recorded and whether a second signal agrees. */
export function confidenceOf(facts: TraceFacts, secondSignal: boolean): Confidence {
  const { trace, steady, hasLaunches, hasHost, sum } = facts;
  const damaged = trace.faults.some(
    ({ what, count }) => what === 'truncated' || (what !== 'profiler messages' && count > 0.001 * trace.events),
  );
  const overhead = trace.overheadUs > 0.01 * Math.max(sum.totalUs, 1);
  if (!hasLaunches || !hasHost || damaged || overhead || facts.rows.length < 10) return 'low';
  if (looksSampled(facts)) return 'low';
  return steady.length >= 3 && secondSignal ? 'high' : 'medium';
}

/** A trace from which events were dropped: most launches are there, but much of the host time under annotations is bare. */
export function looksSampled({ trace, steady, attribution, sum }: TraceFacts): boolean {
  if (steady[0].kind !== 'stretched') return false;
  const bare = attribution.frames.other.unrecordedUs;
  return bare > 0.08 * sum.totalUs && trace.gpu.length > 100;
}

/** Whether an event of the trace has a name with this in it. */
export function hasName({ trace: { names } }: TraceFacts, pattern: RegExp): boolean {
  for (let name = 0; name < names.count; name += 1) if (pattern.test(names.text(name))) return true;
  return false;
}

/** Milliseconds with one digit. */
export function ms(us: number): number {
  return Math.round(us / 100) / 10;
}

/** Percent with one digit. */
export function percent(share: number): number {
  return Math.round(share * 1000) / 10;
}
