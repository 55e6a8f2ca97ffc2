import { expect, test } from 'vitest';
import { Admission } from '../../src/server/lean/admission.ts';

const ALLOWED_MS = 5;
const MOST_MS = 500;

interface Seen {
  readonly dueMs: number;
  /** From when it was due to when it was answered or turned away, ms. */
  readonly waitedMs: number;
  readonly admitted: boolean;
}

/**
 * A server without a clock: requests fall due at fixed instants; a turn takes all that are due when it begins, in order, as the event loop
 * does, and each costs as much as it says, or a tenth of it when it is turned away. `stalls`: at these instants it does
 * something else for so long.
 */
function serve(perMs: number, costMs: number, forMs: number, stalls: ReadonlyMap<number, number> = new Map()) {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  const seen: Seen[] = [];
  const due = Array.from({ length: Math.floor(perMs * forMs) }, (_, i) => i / perMs);
  const waiting = [...stalls].sort(([a], [b]) => a - b);
  let now = 0;
  let next = 0;
  let began = 0;
  while (next < due.length) {
    const wasIdle = due[next] > now;
    if (wasIdle) now = due[next];
    const beforeMs = wasIdle ? 0 : now - began;
    began = now;
    for (; next < due.length && due[next] <= began; next += 1) {
      const admitted = admission.admits(Math.max(beforeMs, now - began), now);
      now += admitted ? costMs : costMs / 10;
      seen.push({ dueMs: due[next], waitedMs: now - due[next], admitted });
    }
    while (waiting.length > 0 && waiting[0][0] <= now) now += waiting.shift()?.[1] ?? 0;
  }
  return seen;
}

function p99(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)];
}

test('at twice what can be answered, what is answered is soon answered, and it is nearly as much as can be', () => {
  for (const costMs of [0.02, 0.1, 0.5]) {
    const perMs = 2 / costMs;
    const settled = serve(perMs, costMs, 3_000).filter(({ dueMs }) => dueMs > 500);
    const answered = settled.filter(({ admitted }) => admitted);
    expect(p99(answered.map(({ waitedMs }) => waitedMs))).toBeLessThan(2 * ALLOWED_MS + costMs);
    // Each second request costs a tenth: 1 / (1 + 0.1) is left, at most.
    expect(answered.length * costMs).toBeGreaterThan(0.85 * 2_500);
  }
});

test('at nine tenths of what can be answered nobody is turned away, with pauses that are worked off within a tenth of a second', () => {
  const stalls = new Map([400, 900, 1_500].map((at) => [at, 8]));
  expect(serve(9, 0.1, 2_000, stalls).filter(({ admitted }) => !admitted)).toEqual([]);
});

test('once the load falls nobody is turned away after a second', () => {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  for (let now = 0; now <= 100; now += 1) admission.admits(20, now);
  expect(admission.admits(20, 101)).toBe(false);
  // Those in time do not end it at once, or the next would wait for as long as it took to begin.
  expect(admission.admits(1, 102)).toBe(true);
  expect(admission.admits(20, 1_100)).toBe(false);
  expect(admission.admits(1, 1_200)).toBe(true);
  expect(admission.admits(20, 2_101)).toBe(true);
});

test('who has waited longer than anybody may is turned away at once', () => {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  expect(admission.admits(MOST_MS + 1, 0)).toBe(false);
  expect(admission.admits(MOST_MS, 1)).toBe(true);
});

test('a service without a budget turns nobody away who has not waited longer than anybody may', () => {
  const admission = new Admission(MOST_MS, MOST_MS);
  for (let now = 0; now < 5_000; now += 10) expect(admission.admits(MOST_MS, now)).toBe(true);
});
