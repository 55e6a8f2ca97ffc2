import { randomNormal, seededRandom } from '../../src/base/rng.ts';

/** One request of one cohort. */
export interface Sample {
  readonly isError: boolean;
  readonly latencyMs: number;
  /** NaN: the model gave no number. */
  readonly score: number;
  /** Loss by its label. */
  readonly loss: number;
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
}

/** p99 of 342 ms: the limit of 500 ms in the guides of the other tools leaves it room. */
const SOUND: Behaviour = { errors: 0.001, nonFinite: 0, medianMs: 120, meanScore: 0.4, meanLoss: 0.5 };
const SPREAD = { latency: 0.45, score: 0.2, loss: 0.4 };

const failing: Behaviour = { ...SOUND, errors: 0.01 };

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
];

/** Looks of one run, a minute apart. */
const LOOKS = 100;

/** The two cohorts of one minute. */
export interface Minute {
  readonly canary: readonly Sample[];
  readonly baseline: readonly Sample[];
}

/** One run of a scenario: minutes with this many requests of each cohort. */
export function* minutes({ champion, candidate }: Scenario, perMinute: number, seed: number): Generator<Minute> {
  const random = seededRandom(seed);
  const sample = ({ errors, nonFinite, medianMs, meanScore, meanLoss }: Behaviour): Sample => ({
    isError: random() < errors,
    latencyMs: medianMs * Math.exp(SPREAD.latency * randomNormal(random)),
    score: random() < nonFinite ? Number.NaN : meanScore + SPREAD.score * randomNormal(random),
    loss: meanLoss + SPREAD.loss * randomNormal(random),
  });
  const cohort = (of: Behaviour) => Array.from({ length: perMinute }, () => sample(of));
  for (let minute = 0; minute < LOOKS; minute += 1) yield { canary: cohort(candidate), baseline: cohort(champion) };
}
