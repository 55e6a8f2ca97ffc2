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

interface Load {
  readonly perMs: number;
  readonly costMs: number;
  /** What it costs to turn one away; a tenth of an answer where it is left out. */
  readonly refusalMs?: number;
  readonly forMs: number;
  /** At these instants the server does something else for this long. */
  readonly stalls?: ReadonlyMap<number, number>;
}

/** A server without a clock: requests fall due at fixed instants; a turn takes all that are due when it begins, in order, as the event loop does. */
function serve({ perMs, costMs, refusalMs = costMs / 10, forMs, stalls = new Map() }: Load): readonly Seen[] {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  const seen: Seen[] = [];
  const due = Array.from({ length: Math.floor(perMs * forMs) }, (_, i) => i / perMs);
  const waiting = [...stalls].sort(([a], [b]) => a - b);
  let now = 0;
  let began = 0;
  for (let number = 1, next = 0; next < due.length && now < forMs; number += 1) {
    const wasIdle = due[next] > now;
    if (wasIdle) now = due[next];
    const beforeMs = wasIdle ? 0 : now - began;
    began = now;
    for (; next < due.length && due[next] <= began; next += 1) {
      const admitted = admission.admits({ number, now, elapsedMs: now - began, beforeMs });
      now += admitted ? costMs : refusalMs;
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
    const settled = serve({ perMs: 2 / costMs, costMs, forMs: 3_000 }).filter(({ dueMs }) => dueMs > 500);
    const answered = settled.filter(({ admitted }) => admitted);
    // Those that come in a turn wait for its end, then for others of theirs.
    expect(p99(answered.map(({ waitedMs }) => waitedMs))).toBeLessThan(2.4 * (ALLOWED_MS + costMs));
    // Each second request costs a tenth: 1 / (1 + 0.1) is left, at most.
    expect(answered.length * costMs).toBeGreaterThan(0.85 * 2_500);
  }
});

test('where to turn away all that come would take longer than there is, half of the time still goes to answers', () => {
  const seen = serve({ perMs: 30, costMs: 0.1, refusalMs: 0.05, forMs: 1_000 });
  expect(seen.filter(({ admitted }) => admitted).length * 0.1).toBeGreaterThan(450);
});

test('at nine tenths of what can be answered nobody is turned away, with pauses that are worked off within a tenth of a second', () => {
  const stalls = new Map([400, 900, 1_500].map((at) => [at, 8]));
  expect(serve({ perMs: 9, costMs: 0.1, forMs: 2_000, stalls }).filter(({ admitted }) => !admitted)).toEqual([]);
});

test('once the load falls nobody is turned away after a second', () => {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  const at = (now: number, elapsedMs: number, number = now) =>
    admission.admits({ number, now, elapsedMs, beforeMs: 1 });
  for (let now = 0; now <= 99; now += 1) expect(at(now, 20)).toBe(true);
  expect(at(100, 20)).toBe(false);
  // Turns in time do not end it at once, or the next would wait for as long as it took to begin.
  expect(at(101, 1)).toBe(true);
  expect(at(1_099, 20)).toBe(false);
  expect(at(2_100, 20)).toBe(true);
});

test('turns that are too long now and then turn nobody away', () => {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  for (let number = 0; number < 1_000; number += 2)
    expect(admission.admits({ number, now: number * 20, elapsedMs: 40, beforeMs: 20 })).toBe(true);
});

test('turns that are too long with idle time between them turn nobody away', () => {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  for (let number = 0; number < 1_000; number += 1)
    for (const elapsedMs of [0, 20, 40])
      expect(admission.admits({ number, now: number * 200 + elapsedMs, elapsedMs, beforeMs: 0 })).toBe(true);
});

test('who has waited longer than anybody may is turned away at once', () => {
  const admission = new Admission(ALLOWED_MS, MOST_MS);
  expect(admission.admits({ number: 1, now: 0, elapsedMs: MOST_MS + 1, beforeMs: 0 })).toBe(false);
  expect(admission.admits({ number: 2, now: 1, elapsedMs: MOST_MS, beforeMs: 0 })).toBe(true);
});

test('a service without a budget turns nobody away who has not waited longer than anybody may', () => {
  const admission = new Admission(MOST_MS, MOST_MS);
  for (let number = 0; number < 500; number += 1)
    expect(admission.admits({ number, now: number * 10, elapsedMs: MOST_MS, beforeMs: 0 })).toBe(true);
});
