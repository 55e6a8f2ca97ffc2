import { numberText } from '../../base/number-text.ts';
import type { ExplainedMove, RolloutPlan } from '../../features/define/rollout.ts';
import { anytimeKs } from '../../stats/anytime-ks.ts';
import { eventEValue } from '../../stats/event-e-value.ts';
import { varianceOf } from '../../stats/moments.ts';
import { type ComparedMeans, comparedMeans } from './compared-means.ts';
import type { Evidence, LaneEvidence } from './evidence.ts';

/** One guardrail at one look. */
export interface Reading {
  readonly guardrail: string;
  /** Whether the candidate is worse than it allows: valid at any number of looks. */
  readonly tripped: boolean;
  /** Whether there are signs of that, but too few to be certain: more requests will tell. */
  readonly suspected?: boolean;
  /** In one sentence, with the numbers. */
  readonly says: string;
  /** The numbers that the decision saw. */
  readonly numbers: Readonly<Record<string, number | null>>;
}

/** How many events the prior of the e-values counts for, where two cohorts are of equal size. */
const STRENGTH = 10;

/** A canary with more of the requests than this has no baseline to be compared with. */
const MOST_SHARE = 0.95;
const LEAST_SHARE = 0.001;

/** Share of requests that the canary may leave without a score, beyond that of the baseline. */
const MOST_UNSCORED = 0.1;

/** An e-value from which on a rollout waits. A sound version reaches it in less than a third of the rollouts, and falls again. */
const SUSPECTED_FROM = 3;

/** The candidate alone in the shadow: shares of copies that may fail. */
const SHADOW_SHARES = { errors: 0.005, timeouts: 0.005, nonFinite: 0.001, range: 0.001 } as const;
const SHADOW_STRENGTH = 200;

type Events = keyof typeof SHADOW_SHARES;

interface EventGuard {
  readonly name: Events;
  readonly events: (lane: LaneEvidence) => number;
  readonly requests: (lane: LaneEvidence) => number;
  readonly what: string;
}

const all = ({ requests }: LaneEvidence): number => requests;

const EVENT_GUARDS: readonly EventGuard[] = [
  { name: 'errors', events: ({ errors }) => errors, requests: all, what: 'errors' },
  { name: 'nonFinite', events: ({ nonFinite }) => nonFinite, requests: all, what: 'scores that are no finite number' },
  { name: 'range', events: ({ outOfRange }) => outOfRange, requests: all, what: 'scores outside of the range' },
];

/** Load makes them too, so blocks of time are compared, each with one vote. */
const BLOCK_GUARDS = [
  { name: 'timeouts', votes: 'late', what: 'timeouts' },
  { name: 'p99', votes: 'slow', what: 'slow predictions' },
] as const;

/** Of the votes an equally good canary may have as large a share: its callers may be a little busier. */
const VOTES_SHARE = 0.6;

/** Share of the blocks in which most copies may be slow: a busy machine has such times. */
const SLOW_BLOCKS = 0.5;

const ALONE: readonly EventGuard[] = [
  ...EVENT_GUARDS,
  { name: 'timeouts', events: ({ timeouts }) => timeouts, requests: all, what: 'timeouts' },
];

/** The share of the error rate of one metric: every guardrail that is on, and the success metric, get the same. */
export function alphaEach({ alpha, guardrails, success }: RolloutPlan): number {
  const { errors, timeouts, nonFinite, range, p99, scoreShift, scoreDistance } = guardrails;
  const flags = [
    errors,
    timeouts,
    nonFinite,
    range !== null,
    p99 !== null,
    scoreShift !== null,
    scoreDistance !== null,
  ];
  const metrics = flags.filter(Boolean).length + (success === null ? 0 : 1);
  return alpha / Math.max(1, metrics);
}

/** Every guardrail that is on, canary against baseline. */
export function canaryReadings(plan: RolloutPlan, { canary, baseline, blocks }: Evidence): readonly Reading[] {
  const alpha = alphaEach(plan);
  return [
    ...EVENT_GUARDS.filter(({ name }) => isOn(plan, name)).map((guard) => against(guard, canary, baseline, alpha)),
    ...BLOCK_GUARDS.filter(({ name }) => isOn(plan, name)).map((guard) => voted(guard, blocks, alpha)),
    ...scoreReadings(plan, canary, baseline, alpha),
    ...unscored(canary, baseline),
  ];
}

/** Every guardrail that is on, the candidate on copies of requests: against fixed shares, and against the champion's scores. */
export function shadowReadings(plan: RolloutPlan, { shadow, shadowed, blocks }: Evidence): readonly Reading[] {
  const alpha = alphaEach(plan);
  return [
    ...ALONE.filter(({ name }) => isOn(plan, name)).map((guard) => alone(guard, shadow, alpha)),
    ...(isOn(plan, 'p99') ? [slowShadow(blocks, alpha)] : []),
    ...scoreReadings(plan, shadow, shadowed, alpha),
  ];
}

function isOn({ guardrails }: RolloutPlan, name: Events | 'p99'): boolean {
  const value = guardrails[name];
  return value !== null && value !== false;
}

/**
 * Cohorts have equally many callers, but not equally many requests: one caller may send a third of all. So the canary may
 * have as large a share of the events as it has of the requests. A canary without a baseline is judged alone.
 */
function against(guard: EventGuard, canary: LaneEvidence, baseline: LaneEvidence, alpha: number): Reading {
  const { name, events, requests, what } = guard;
  const [watched, others] = [events(canary), events(baseline)];
  const [asked, compared] = [requests(canary), requests(baseline)];
  const share = asked + compared === 0 ? 0.5 : Math.max(LEAST_SHARE, asked / (asked + compared));
  if (share > MOST_SHARE) return alone(guard, canary, alpha, 'requests of the canary');
  const test = eventEValue({ events: watched + others, watched, share, strength: STRENGTH, alpha });
  return {
    guardrail: name,
    tripped: test.stops,
    suspected: test.e >= SUSPECTED_FROM && watched > share * (watched + others),
    says: `${watched} ${what} of the canary, ${others} of the baseline; ${asked} and ${compared} requests (e ${numberText(test.e)}, limit ${numberText(1 / alpha)})`,
    numbers: {
      canary: watched,
      baseline: others,
      canaryRequests: asked,
      baselineRequests: compared,
      e: finite(test.e),
      limit: 1 / alpha,
    },
  };
}

/** A block is one event, however many of its runs a burst of load made slow or late. */
function voted(
  { name, votes, what }: (typeof BLOCK_GUARDS)[number],
  blocks: Evidence['blocks'],
  alpha: number,
): Reading {
  const { canary, baseline } = blocks[votes];
  const events = { events: canary + baseline, watched: canary, share: VOTES_SHARE };
  const test = eventEValue({ ...events, strength: STRENGTH, alpha });
  return {
    guardrail: name,
    tripped: test.stops,
    suspected: test.e >= SUSPECTED_FROM && canary > VOTES_SHARE * (canary + baseline),
    says: `more ${what} of the canary in ${canary} blocks of time, of the baseline in ${baseline}; ${blocks.compared} compared (e ${numberText(test.e)}, limit ${numberText(1 / alpha)})`,
    numbers: { canary, baseline, compared: blocks.compared, e: finite(test.e), limit: 1 / alpha },
  };
}

function slowShadow({ shadow }: Evidence['blocks'], alpha: number): Reading {
  const { blocks, slow } = shadow;
  const test = eventEValue({ events: blocks, watched: slow, share: SLOW_BLOCKS, strength: STRENGTH, alpha });
  return {
    guardrail: 'p99',
    tripped: test.stops,
    suspected: test.e >= SUSPECTED_FROM && slow > SLOW_BLOCKS * blocks,
    says: `most copies were slow in ${slow} of ${blocks} blocks of time, ${SLOW_BLOCKS * 100} % allowed (e ${numberText(test.e)}, limit ${numberText(1 / alpha)})`,
    numbers: { candidate: slow, candidateBlocks: blocks, share: SLOW_BLOCKS, e: finite(test.e), limit: 1 / alpha },
  };
}

function alone(
  { name, events, requests, what }: EventGuard,
  lane: LaneEvidence,
  alpha: number,
  of = 'copies',
): Reading {
  const share = SHADOW_SHARES[name];
  const [found, asked] = [events(lane), requests(lane)];
  const test = eventEValue({ events: asked, watched: found, share, strength: SHADOW_STRENGTH, alpha });
  return {
    guardrail: name,
    tripped: test.stops,
    suspected: test.e >= SUSPECTED_FROM && found > share * asked,
    says: `${found} ${what} of ${asked} ${of}, ${share * 100} % allowed (e ${numberText(test.e)}, limit ${numberText(1 / alpha)})`,
    numbers: { candidate: found, candidateRequests: asked, share, e: finite(test.e), limit: 1 / alpha },
  };
}

/**
 * Requests that fail together are one event, so a canary that fails each of a few large runs has few events. Such a rollout
 * waits, as long as the canary leaves clearly more requests without a score.
 */
function unscored(canary: LaneEvidence, baseline: LaneEvidence): readonly Reading[] {
  const [own, others] = [canary, baseline].map(({ requests, scores }) =>
    requests === 0 ? 0 : Math.max(0, 1 - scores.n / requests),
  );
  if (own <= others + MOST_UNSCORED) return [];
  const says = `${numberText(100 * own)} % of the requests of the canary have no score, ${numberText(100 * others)} % of the baseline's`;
  return [{ guardrail: 'scored', tripped: false, suspected: true, says, numbers: { canary: own, baseline: others } }];
}

/** Shift of the mean score and distance of the scores, beyond the allowed limits and what the training data explains. */
function scoreReadings(plan: RolloutPlan, b: LaneEvidence, a: LaneEvidence, alpha: number): readonly Reading[] {
  const { scoreShift, scoreDistance, explained = NOTHING } = plan.guardrails;
  const readings: Reading[] = [];
  if (scoreShift !== null) {
    const { shift } = explained;
    const most = { low: scoreShift - Math.min(0, shift), high: scoreShift + Math.max(0, shift) };
    readings.push(shiftReading(most, b, a, alpha));
  }
  if (scoreDistance !== null) readings.push(distanceReading(scoreDistance + explained.distance, b, a, alpha));
  return readings;
}

const NOTHING: ExplainedMove = { shift: 0, distance: 0 };

/** `most`: the allowed shift downwards and upwards, in standard deviations. */
function shiftReading(
  most: { readonly low: number; readonly high: number },
  b: LaneEvidence,
  a: LaneEvidence,
  alpha: number,
): Reading {
  const sd = Math.sqrt(varianceOf(a.scores));
  const { low, high, candidateEffective, otherEffective } = comparedScores(b, a, alpha);
  // Equal scores have no deviation: their rounding is no shift.
  const least = 1e-6 * Math.max(1, Math.abs(a.scores.mean));
  const [down, up] = [Math.max(most.low * sd, least), Math.max(most.high * sd, least)];
  return {
    guardrail: 'scoreShift',
    tripped: low !== null && high !== null && (low > up || high < -down),
    says: `mean score ${numberText(b.scores.mean)} against ${numberText(a.scores.mean)}; allowed ${down === up ? `±${numberText(up)}` : `−${numberText(down)} to +${numberText(up)}`}`,
    numbers: {
      candidate: b.scores.mean,
      champion: a.scores.mean,
      allowed: up,
      allowedDown: down,
      low,
      high,
      candidateEffective,
      championEffective: otherEffective,
    },
  };
}

function comparedScores(b: LaneEvidence, a: LaneEvidence, alpha: number): ComparedMeans {
  return comparedMeans({ sample: b.scores, groups: b.groups }, { sample: a.scores, groups: a.groups }, alpha);
}

function distanceReading(most: number, b: LaneEvidence, a: LaneEvidence, alpha: number): Reading {
  const bins = [...new Set([...binsOf(a.bins), ...binsOf(b.bins)])].sort((x, y) => x - y);
  const countsOf = (sparse: readonly number[]) => {
    const counts = new Map<number, number>();
    for (let i = 0; i < sparse.length; i += 2) counts.set(sparse[i], sparse[i + 1]);
    return bins.map((bin) => counts.get(bin) ?? 0);
  };
  const { candidateEffective, otherEffective } = comparedScores(b, a, alpha);
  const sizes = { a: otherEffective, b: candidateEffective };
  const { distance, atLeast } = anytimeKs({ a: countsOf(a.bins), b: countsOf(b.bins), sizes }, alpha);
  return {
    guardrail: 'scoreDistance',
    tripped: atLeast > most,
    says: `distance of the scores ${numberText(distance)}, at least ${numberText(atLeast)}; allowed ${numberText(most)}`,
    numbers: { distance, atLeast, allowed: most },
  };
}

function binsOf(sparse: readonly number[]): readonly number[] {
  return sparse.filter((_, i) => i % 2 === 0);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
