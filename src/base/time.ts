import { fail } from './errors/fail.ts';

/** Epoch milliseconds now; passed in wherever time is needed. */
export interface Clock {
  (): number;
  /** Checks the clock; left out: whoever passed it in answers for it, as a replay does. */
  readonly guard?: ClockGuard;
}

/** Two instants between which it is now. They are equal while nothing contradicts the clock. */
export interface ClockSpan {
  readonly from: number;
  readonly to: number;
}

/** The findings of a guard about its clock. */
export interface ClockReport {
  /** The time of the system minus the expected time, ms; 0 while nothing contradicts it. */
  readonly aheadMs: number;
  /** Jumps since the process started. */
  readonly jumps: number;
}

/** Compares a clock with others, and remembers what it last knew. */
export interface ClockGuard {
  span(): ClockSpan;
  report(): ClockReport;
  /** Looks whether somebody accepted the time of the system, and keeps the last known time. Call it about once a second. */
  tick(): void;
  /** Keeps the last known time now. */
  keep(): void;
}

/** Between which instants it is now. */
export function spanOf(clock: Clock): ClockSpan {
  if (clock.guard !== undefined) return clock.guard.span();
  const now = clock();
  return { from: now, to: now };
}

/** A day of UTC. */
export const DAY_MS = 86_400_000;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS } as const;

/** A duration as text: a positive whole number and its unit. */
export type DurationText = `${bigint}${keyof typeof UNIT_MS}`;

/** Milliseconds of a duration text; null: the text is none. */
export function durationMs(text: string): number | null {
  const match = /^([1-9]\d{0,14})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return null;
  const [, count, unit] = match;
  const ms = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** Milliseconds of a duration text; `where` says in an error whose it is. Error: WINDOW_TEXT. */
export function parseDuration(text: string, where: string): number {
  const ms = durationMs(text);
  if (ms === null) throw fail('WINDOW_TEXT', { where, text });
  return ms;
}

/** Milliseconds as a declaration writes them, in the largest unit of which they are a whole number: `90d`, `36h`, `1500ms`. */
export function formatDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((each) => ms > 0 && ms % UNIT_MS[each] === 0) ?? 'ms';
  return `${ms / UNIT_MS[unit]}${unit}`;
}

/** The largest multiple of `step` at or before `t`, for negative `t` as well. */
export function floorTo(t: number, step: number): number {
  return Math.floor(t / step) * step;
}
