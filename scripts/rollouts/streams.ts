import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';

/** One request of one cohort. */
export interface Sample {
  readonly isError: boolean;
  readonly latencyMs: number;
  /** NaN: the model gave no number. */
  readonly score: number;
  /** Loss by its label. */
  readonly loss: number;
  /** Left out: each request has its own caller. */
  readonly caller?: string;
}

/** How a version behaves. */
export interface Behaviour {
  readonly errors: number;
  readonly nonFinite: number;
  readonly medianMs: number;
  readonly meanScore: number;
  readonly meanLoss: number;
}

/** A version and the champion that it is compared with. */
export interface Scenario {
  readonly name: string;
  readonly isBad: boolean;
  readonly champion: Behaviour;
  readonly candidate: Behaviour;
  /** Left out: each request has its own caller. */
  readonly callers?: Callers;
}

/** Callers that come again: the second sends half as many requests as the first, the third a third. */
export interface Callers {
  readonly count: number;
  /** Share of the variance of scores and losses that is between callers. */
  readonly own: number;
}

/** p99 of 342 ms: the limit of 500 ms in the guides of the other tools leaves it room. */
const SOUND: Behaviour = { errors: 0.001, nonFinite: 0, medianMs: 120, meanScore: 0.4, meanLoss: 0.5 };
const SPREAD = { latency: 0.45, score: 0.2, loss: 0.4 };

const failing: Behaviour = { ...SOUND, errors: 0.01 };

const CALLERS: Callers = { count: 4_000, own: 0.3 };

const against = (name: string, champion: Behaviour, change: Partial<Behaviour>): Scenario => ({
  name,
  isBad: Object.keys(change).length > 0,
  champion,
  candidate: { ...champion, ...change },
});

/** The versions of the comparison: two as good as their champion, the others worse. */
export const scenarios: readonly Scenario[] = [
  against('as good, 0.1 % errors', SOUND, {}),
  against('as good, 1 % errors', failing, {}),
  against('errors 1 → 3 %', failing, { errors: 0.03 }),
  against('errors 1 → 10 %', failing, { errors: 0.1 }),
  against('slow, × 1.5', SOUND, { medianMs: 180 }),
  against('slow, × 3', SOUND, { medianMs: 360 }),
  against('NaN in 2 %', SOUND, { nonFinite: 0.02 }),
  against('scores + 0.5 sd', SOUND, { meanScore: 0.5 }),
  against('loss + 0.2 sd', SOUND, { meanLoss: 0.58 }),
  { ...against('as good, 4,000 callers', failing, {}), callers: CALLERS },
  { ...against('errors 1 → 10 %, 4,000 callers', failing, { errors: 0.1 }), callers: CALLERS },
  { ...against('scores + 3 sd, 4,000 callers', SOUND, { meanScore: 1 }), callers: CALLERS },
];

/** Looks of one run, a minute apart. */
const LOOKS = 100;

/** The two cohorts of one minute. */
export interface Minute {
  readonly canary: readonly Sample[];
  readonly baseline: readonly Sample[];
}

/** One run of a scenario: minutes with this many requests of each cohort, or of both together where callers come again. */
export function* minutes(
  { champion, candidate, callers }: Scenario,
  perMinute: number,
  seed: number,
): Generator<Minute> {
  const random = seededRandom(seed);
  const next = callers === undefined ? null : callersOf(callers, random, seed);
  for (let minute = 0; minute < LOOKS; minute += 1) {
    if (next === null) {
      const cohort = (of: Behaviour) => Array.from({ length: perMinute }, () => sampleOf(of, random, ANYBODY));
      yield { canary: cohort(candidate), baseline: cohort(champion) };
      continue;
    }
    const [canary, baseline]: [Sample[], Sample[]] = [[], []];
    for (let i = 0; i < 2 * perMinute; i += 1) {
      const caller = next();
      if (caller.isCanary) canary.push(sampleOf(candidate, random, caller));
      else baseline.push(sampleOf(champion, random, caller));
    }
    yield { canary, baseline };
  }
}

interface Caller {
  readonly caller?: string;
  readonly isCanary: boolean;
  /** How its scores and losses differ from those of others, in standard deviations, and their own spread. */
  readonly level: number;
  readonly spread: number;
}

const ANYBODY: Caller = { isCanary: false, level: 0, spread: 1 };

function sampleOf(behaviour: Behaviour, random: Random, { caller, level, spread }: Caller): Sample {
  const { errors, nonFinite, medianMs, meanScore, meanLoss } = behaviour;
  return {
    isError: random() < errors,
    latencyMs: medianMs * Math.exp(SPREAD.latency * randomNormal(random)),
    score: random() < nonFinite ? Number.NaN : meanScore + SPREAD.score * (level + spread * randomNormal(random)),
    loss: meanLoss + SPREAD.loss * (level + spread * randomNormal(random)),
    ...(caller === undefined ? {} : { caller }),
  };
}

/** Draws the callers of requests. */
function callersOf({ count, own }: Callers, random: Random, seed: number): () => Caller {
  const ends: number[] = [];
  let end = 0;
  const all = Array.from({ length: count }, (_, i): Caller => {
    end += 1 / (i + 1);
    ends.push(end);
    const level = Math.sqrt(own) * randomNormal(random);
    return { caller: `${seed}/${i}`, isCanary: random() < 0.5, level, spread: Math.sqrt(1 - own) };
  });
  return () => {
    const at = random() * end;
    return all[
      Math.max(
        0,
        ends.findIndex((upTo) => at < upTo),
      )
    ];
  };
}
