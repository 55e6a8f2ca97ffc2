import { numberText } from '../../base/number-text.ts';
import type { Rollout, RolloutEvent, RolloutState } from '../../ports/rollout-store.ts';
import { rankCorrelation } from '../../stats/rank-correlation.ts';
import { type Evidence, type LaneEvidence, latencyOf, type Place } from './evidence.ts';
import type { VerdictNumbers } from './judge.ts';
import type { RolloutStatus } from './rollout-control.ts';

/** One lane in short. */
export interface LaneReport {
  readonly requests: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly nonFinite: number;
  readonly outOfRange: number;
  readonly slow: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly meanScore: number | null;
}

/** A place where a rollout runs, and what it saw there. */
export interface PlaceReport extends Place {
  readonly requests: Readonly<Record<'canary' | 'baseline' | 'shadow', number>>;
  /** Of the candidate, as a canary and on copies. */
  readonly errors: number;
  readonly nonFinite: number;
  readonly outOfRange: number;
  readonly dropped: number;
  /** Of the two scores of a copy. */
  readonly meanDifference: number | null;
}

/** A rollout as people and programs read it: plain JSON. */
export interface RolloutReport {
  readonly model: string;
  readonly rollout: string;
  readonly state: RolloutState;
  readonly champion: number;
  readonly candidate: number;
  readonly percent: number;
  readonly revision: number;
  readonly since: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly reason: string;
  /** The comparison with the champion on labelled rows, before it started; null: none was asked for. */
  readonly gate: NonNullable<Rollout['gate']> | null;
  /** The action that the judge would take now, why, and the numbers that it sees. */
  readonly verdict: { readonly action: string; readonly reason: string; readonly numbers: VerdictNumbers };
  readonly lanes: Readonly<Record<'canary' | 'baseline' | 'shadow', LaneReport>>;
  /** The candidate on copies of requests against the champion on the same ones. */
  readonly shadow: {
    readonly copies: number;
    readonly dropped: number;
    readonly meanDifference: number | null;
    readonly rankCorrelation: number | null;
    /** Share of answers on the other side of one half. */
    readonly flips: number | null;
  };
  /** Serving processes, batch jobs and streams. */
  readonly places: readonly PlaceReport[];
  readonly events: readonly RolloutEvent[];
}

/** The report of a rollout. */
export function rolloutReport({ rollout, percent, verdict, evidence, places, events }: RolloutStatus): RolloutReport {
  const { model, id, state, champion, candidate, revision, since, startedAt, endedAt, reason } = rollout;
  const { action, reason: why, numbers } = verdict;
  return {
    model,
    rollout: id,
    state,
    champion,
    candidate,
    percent,
    revision,
    since,
    startedAt,
    endedAt,
    reason,
    gate: rollout.gate ?? null,
    verdict: { action, reason: why, numbers },
    lanes: {
      canary: laneReport(evidence.canary),
      baseline: laneReport(evidence.baseline),
      shadow: laneReport(evidence.shadow),
    },
    shadow: shadowReport(evidence),
    places: places.map(placeReport),
    events,
  };
}

/** Of a process of an earlier release. */
const UNNAMED: Place = { kind: 'online', name: '', output: null, computeMs: null, trouble: null };

function placeReport({ place = UNNAMED, canary, baseline, shadow, copies }: Evidence): PlaceReport {
  const ofCandidate = (count: (lane: LaneEvidence) => number) => count(canary) + count(shadow);
  return {
    ...place,
    requests: { canary: canary.requests, baseline: baseline.requests, shadow: shadow.requests },
    errors: ofCandidate(({ errors }) => errors),
    nonFinite: ofCandidate(({ nonFinite }) => nonFinite),
    outOfRange: ofCandidate(({ outOfRange }) => outOfRange),
    dropped: copies.dropped,
    meanDifference: copies.delta.n === 0 ? null : copies.delta.mean,
  };
}

function laneReport(lane: LaneEvidence): LaneReport {
  const { requests, errors, timeouts, nonFinite, outOfRange, slow, scores } = lane;
  return {
    requests,
    errors,
    timeouts,
    nonFinite,
    outOfRange,
    slow,
    p50Ms: latencyOf(lane, 0.5),
    p99Ms: latencyOf(lane, 0.99),
    meanScore: scores.n === 0 ? null : scores.mean,
  };
}

function shadowReport({ copies, pairs }: Evidence): RolloutReport['shadow'] {
  const { offered, dropped, delta, flips } = copies;
  return {
    copies: offered,
    dropped,
    meanDifference: delta.n === 0 ? null : delta.mean,
    rankCorrelation: rankCorrelation(pairs.champion, pairs.candidate),
    flips: delta.n === 0 ? null : flips / delta.n,
  };
}

/** The lines of `headrace rollout status`. */
export function rolloutLines(report: RolloutReport): readonly string[] {
  const { model, rollout, state, champion, candidate, percent, reason, gate, verdict, lanes, shadow, places, events } =
    report;
  const { readings, success } = verdict.numbers;
  return [
    `${model}: version ${champion} → ${candidate}, ${state}, ${percent} % of callers (${rollout})`,
    `  ${reason}`,
    ...(gate === null ? [] : [`  gate: ${gate.reason}`]),
    `  next: ${verdict.action}: ${verdict.reason}`,
    ...Object.entries(lanes)
      .filter(([, { requests }]) => requests > 0)
      .map(([name, lane]) => `  ${name.padEnd(9)}${laneText(lane)}`),
    ...(shadow.copies === 0
      ? []
      : [
          `  copies   ${shadow.copies}, ${shadow.dropped} dropped, mean difference ${shown(shadow.meanDifference)}, rank correlation ${shown(shadow.rankCorrelation)}, flips ${shown(shadow.flips)}`,
        ]),
    ...places.map((place) => `  ${placeText(place)}`),
    ...readings.map(({ guardrail, tripped, says }) => `  ${tripped ? '✗' : '·'} ${guardrail}: ${says}`),
    ...(success === null ? [] : [`  ${success.outcome === 'worse' ? '✗' : '·'} success: ${success.says}`]),
    ...events.map(
      ({ at, kind, by, reason: why, percent: share }) =>
        `  ${new Date(at).toISOString()} ${kind} by ${by} (${share} %): ${why}`,
    ),
  ];
}

function placeText({ kind, name, requests, errors, nonFinite, outOfRange, ...more }: PlaceReport): string {
  const { dropped, meanDifference, computeMs, output, trouble } = more;
  const { canary, baseline, shadow } = requests;
  const asked = [`${canary} canary`, `${baseline} baseline`, `${shadow} copies`].join(', ');
  const faults = `${errors} errors, ${nonFinite} not finite, ${outOfRange} out of range, ${dropped} dropped`;
  const time = ({ champion, candidate }: NonNullable<Place['computeMs']>) =>
    `, took ${shown(champion)} ms by the champion and ${shown(candidate)} ms by the candidate`;
  return [
    `${kind} ${name}: ${asked}; ${faults}`,
    meanDifference === null ? '' : `, mean difference ${shown(meanDifference)}`,
    computeMs === null ? '' : time(computeMs),
    output === null ? '' : `; scores in ${output}`,
    trouble === null ? '' : `; ended early: ${trouble}`,
  ].join('');
}

function laneText({ requests, errors, timeouts, nonFinite, p50Ms, p99Ms, meanScore }: LaneReport): string {
  const faults = `${errors} errors, ${timeouts} timeouts, ${nonFinite} not finite`;
  return `${requests} requests, ${faults}, p50 ${shown(p50Ms)} ms, p99 ${shown(p99Ms)} ms, mean score ${shown(meanScore)}`;
}

function shown(value: number | null): string {
  return value === null ? '-' : numberText(value);
}
