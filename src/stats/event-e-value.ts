import { logGamma } from './distributions/log-gamma.ts';

/** Events of two groups, counted. */
export interface EventsCompared {
  /** Events of both groups. */
  readonly events: number;
  /** Those of the watched group. */
  readonly watched: number;
  /** The watched group's share of the requests, between 0 and 1. */
  readonly share: number;
  /** How many events the prior counts for: large finds small differences, small finds large ones sooner. */
  readonly strength: number;
  /** Chance of a false alarm over all looks together. */
  readonly alpha: number;
}

export interface EventEValue {
  readonly logE: number;
  readonly e: number;
  /** Whether e is at least 1/alpha, and the watched group has more than its share. */
  readonly stops: boolean;
}

/**
 * The e-value of "an event falls on the watched group as often as a request does". Given that there is an event, it is the
 * watched group's with chance ρ under that hypothesis; a beta prior B(sρ, s(1 − ρ)) bets against it. The product of the
 * bets is a martingale, so that e ≥ 1/alpha is valid at any number of looks (Ville 1939; Shafer 2021).
 */
export function eventEValue({ events, watched, share, strength, alpha }: EventsCompared): EventEValue {
  const a = strength * share;
  const b = strength * (1 - share);
  const prior = logBeta(a, b);
  const seen = logBeta(watched + a, events - watched + b);
  const logE = seen - prior - watched * Math.log(share) - (events - watched) * Math.log1p(-share);
  return { logE, e: Math.exp(logE), stops: logE >= -Math.log(alpha) && watched > share * events };
}

/** The natural logarithm of the beta function B(a, b) for a, b > 0. */
function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}
