import { type Random, randomBelow } from '../../base/rng.ts';
import type { EventOf } from '../../features/define/event-source.ts';
import type { clicks } from './declaration.ts';

export type Click = EventOf<typeof clicks>;

export const USERS = 400;

/** Where the time of the labs begins. */
export const BEGIN = Date.UTC(2026, 0, 5, 9);

/** A user: a few visit often, most rarely. */
export function anyUser(random: Random): string {
  return `u${Math.floor(USERS * random() ** 2)}`;
}

/** Clicks of a span, in order of time. */
export function clicksOf(random: Random, from: number, lengthMs: number, count: number): readonly Click[] {
  const times = Array.from({ length: count }, () => from + Math.floor(lengthMs * random())).sort((a, b) => a - b);
  return times.map((at, i) => ({
    id: `c${from}-${i}`,
    at,
    user: anyUser(random),
    cents: 100 + randomBelow(random, 9_900),
  }));
}
