import { expect, test } from 'vitest';
import type { RolloutEventKind, RolloutState } from '../../src/ports/rollout-store.ts';
import { type Evidence, mergeEvidence, NO_EVIDENCE, parseEvidence } from '../../src/serving/rollout/evidence.ts';
import { EvidenceCounter, type Outcome } from '../../src/serving/rollout/evidence-counter.ts';
import { judge } from '../../src/serving/rollout/judge.ts';
import { moved } from '../../src/serving/rollout/rollout-machine.ts';
import type { Outcomes } from '../../src/serving/rollout/success.ts';
import { newRollout } from '../../src/testing/contracts/rollout-store.ts';

const START = 1_000;
const LATER = START + 3_600_000;

/** Evidence of two cohorts of `n` requests each with the same scores and latencies; `change` spoils the canary. */
function evidence(n: number, change: (counter: EvidenceCounter) => void = () => undefined): Evidence {
  const counter = new EvidenceCounter({ task: 'binary', range: [0, 1] });
  counter.slowMs = 10;
  for (let i = 0; i < n; i += 1) {
    for (const lane of ['canary', 'baseline'] as const) {
      counter.call(lane, 'scored', { latencyMs: i % 100 === 0 ? 20 : 2 });
      counter.score(lane, (i % 97) / 97);
      counter.key(lane, `${lane} ${i}`);
    }
  }
  change(counter);
  return counter.evidence();
}

/** Counts calls one by one. */
function calls(
  counter: EvidenceCounter,
  lane: 'canary' | 'baseline',
  outcome: Outcome,
  count: number,
  latencyMs: number,
): void {
  for (let i = 0; i < count; i += 1) counter.call(lane, outcome, { latencyMs });
}

const rollout = newRollout('r', { slowMs: 10 });
const last = newRollout('r', { slowMs: 10, step: 3 });

const outcomes = (canary: number, baseline: number, n: number, predictions = n): Outcomes => ({
  canary: { predictions, loss: { n, mean: canary, m2: 0.04 * n } },
  baseline: { predictions, loss: { n, mean: baseline, m2: 0.04 * n } },
});

test('equal cohorts wait for their requests and their time, then continue', () => {
  expect(judge(rollout, evidence(99), null, LATER)).toMatchObject({ action: 'wait' });
  expect(judge(rollout, evidence(100), null, START + 999)).toMatchObject({ action: 'wait' });
  expect(judge(rollout, evidence(100), null, START + 1_000)).toMatchObject({ action: 'advance' });
  expect(judge(newRollout('r', { slowMs: 10, step: 1 }), evidence(199), null, LATER)).toMatchObject({ action: 'wait' });
});

const faults: readonly (readonly [string, (counter: EvidenceCounter) => void])[] = [
  ['errors', (counter) => calls(counter, 'canary', 'error', 30, 2)],
  ['timeouts', (counter) => calls(counter, 'canary', 'timeout', 30, 2)],
  ['nonFinite', (counter) => calls(counter, 'canary', 'nonFinite', 30, 2)],
  ['p99', (counter) => calls(counter, 'canary', 'scored', 60, 50)],
  ['range', (counter) => Array.from({ length: 40 }, () => counter.score('canary', 1.5))],
  ['scoreShift', (counter) => Array.from({ length: 4_000 }, () => counter.score('canary', 0.95))],
  ['scoreDistance', (counter) => Array.from({ length: 4_000 }, () => counter.score('canary', 0.5))],
];

test.each(faults)('a canary beyond its guardrail %s is rolled back, also while it is held', (guardrail, change) => {
  const seen = evidence(2_000, change);
  const held = newRollout('r', { slowMs: 10, state: 'held', held: { from: 'canary', by: 'operator' } });
  for (const one of [rollout, held]) {
    const verdict = judge(one, seen, null, LATER);
    expect(verdict).toMatchObject({ action: 'rollBack', reason: expect.stringContaining(`${guardrail}: `) });
    expect(verdict.numbers.readings.filter(({ tripped }) => tripped).map((one) => one.guardrail)).toContain(guardrail);
  }
});

const failed = ['error', 'timeout', 'nonFinite'] as const;

test.each(failed)('a canary without a score (%s) never continues, however few runs its requests share', (outcome) => {
  for (const rows of [1, 4, 40, 400]) {
    for (let runs = 1; runs * rows <= 4_000; runs += runs) {
      const counter = new EvidenceCounter({ task: 'binary', range: [0, 1] });
      counter.slowMs = 10;
      for (let run = 0; run < runs; run += 1) {
        counter.call('canary', outcome, { rows, latencyMs: 2, turn: run });
        counter.call('baseline', 'scored', { rows, latencyMs: 2, turn: run });
        for (let row = 0; row < rows; row += 1) counter.score('baseline', row / rows);
      }
      const { action } = judge(rollout, counter.evidence(), null, LATER);
      expect([rows, runs, action], `${runs} runs`).not.toContain('advance');
    }
  }
});

test('signs of a fault that are not certain yet make the rollout wait', () => {
  const signs = evidence(2_000, (counter) => calls(counter, 'canary', 'error', 8, 2));
  expect(judge(rollout, signs, null, LATER)).toMatchObject({
    action: 'wait',
    reason: expect.stringContaining('not certain yet, errors: 8 errors of the canary'),
  });
});

test('the same faults of the baseline are no reason against the canary', () => {
  const swapped = evidence(2_000, (counter) => calls(counter, 'baseline', 'error', 200, 2));
  expect(judge(rollout, swapped, null, LATER).action).toBe('advance');
});

test('cohorts of unequal size hold the rollout, and are no reason to roll back', () => {
  const unequal = evidence(1_000, (counter) => {
    for (let i = 0; i < 500; i += 1) counter.key('canary', `more ${i}`);
  });
  expect(judge(rollout, unequal, null, LATER)).toMatchObject({
    action: 'hold',
    reason: expect.stringContaining('equal split'),
  });
});

test('the last step is promoted by labels alone: too few or too close are held', () => {
  const seen = evidence(1_000);
  expect(judge(last, seen, null, LATER)).toMatchObject({ action: 'hold' });
  expect(judge(last, seen, outcomes(0.3, 0.3, 30), LATER)).toMatchObject({ action: 'hold' });
  expect(judge(last, seen, outcomes(0.3, 0.3, 400), LATER).reason).toContain('inconclusive');
  expect(judge(last, seen, outcomes(0.3, 0.3, 40_000), LATER)).toMatchObject({ action: 'promote' });
  // Enough labels, of a tenth of the predictions: those that came may differ from those that did not.
  expect(judge(last, seen, outcomes(0.3, 0.3, 40_000, 400_000), LATER)).toMatchObject({ action: 'hold' });
  expect(judge(last, seen, outcomes(0.34, 0.3, 40_000), LATER)).toMatchObject({
    action: 'rollBack',
    reason: expect.stringContaining('success'),
  });
  const without = newRollout('r', { slowMs: 10, step: 3, plan: { ...last.plan, success: null } });
  expect(judge(without, seen, null, LATER)).toMatchObject({ action: 'promote' });
});

test('without a margin a version passes once it has labels, unless it is certainly worse', () => {
  const seen = evidence(1_000);
  const success = {
    ...(last.plan.success ?? { metric: 'log_loss', coverage: 0.5, labels: 200 }),
    margin: false,
  } as const;
  const proved = newRollout('r', { slowMs: 10, step: 3, state: last.state, plan: { ...last.plan, success } });
  expect(judge(proved, seen, outcomes(0.3, 0.3, 30), LATER)).toMatchObject({ action: 'hold' });
  expect(judge(proved, seen, outcomes(0.3, 0.3, 400), LATER)).toMatchObject({ action: 'promote' });
  expect(judge(proved, seen, outcomes(0.34, 0.3, 40_000), LATER)).toMatchObject({ action: 'rollBack' });
});

test('a worse version is rolled back by its labels at any step', () => {
  expect(judge(rollout, evidence(10), outcomes(0.36, 0.3, 4_000), START)).toMatchObject({ action: 'rollBack' });
});

test('the shadow is judged alone for its faults, and against the champion for its scores', () => {
  const shadow = newRollout('r', { state: 'shadow', plan: { ...rollout.plan, shadowMs: 60_000 } });
  const copies = (n: number, shift: number, bad: number) => {
    const counter = new EvidenceCounter({ task: 'binary', range: [0, 1] });
    for (let i = 0; i < n; i += 1) {
      counter.call('shadow', i < bad ? 'error' : 'scored', { latencyMs: 2 });
      counter.score('shadowed', (i % 97) / 194);
      counter.score('shadow', (i % 97) / 194 + shift);
    }
    return counter.evidence();
  };
  expect(judge(shadow, copies(99, 0, 0), null, LATER)).toMatchObject({ action: 'wait' });
  expect(judge(shadow, copies(100, 0, 0), null, START)).toMatchObject({ action: 'wait' });
  expect(judge(shadow, copies(100, 0, 0), null, LATER)).toMatchObject({ action: 'advance' });
  expect(judge(shadow, copies(300, 0, 30), null, START)).toMatchObject({
    action: 'rollBack',
    reason: expect.stringContaining('errors'),
  });
  expect(judge(shadow, copies(2_000, 0.4, 0), null, START)).toMatchObject({
    action: 'rollBack',
    reason: expect.stringContaining('score'),
  });
});

test('a soak ends by its time; nothing follows what is over', () => {
  const soaking = newRollout('r', { state: 'soaking' });
  expect(judge(soaking, NO_EVIDENCE, null, START + 59_999)).toMatchObject({ action: 'wait' });
  expect(judge(soaking, NO_EVIDENCE, null, START + 60_000)).toMatchObject({ action: 'complete' });
  for (const state of ['completed', 'rolledBack'] as const)
    expect(judge(newRollout('r', { state }), NO_EVIDENCE, null, LATER)).toMatchObject({ action: 'wait' });
});

test('what several servers saw is judged as if one had seen it', () => {
  const [a, b] = [
    evidence(700, (c) => calls(c, 'canary', 'error', 9, 2)),
    evidence(900, (c) => calls(c, 'canary', 'error', 8, 2)),
  ];
  expect([judge(rollout, a, null, LATER).action, judge(rollout, b, null, LATER).action]).not.toContain('rollBack');
  expect(judge(rollout, mergeEvidence([a, b]), null, LATER)).toMatchObject({ action: 'rollBack' });
  // Through JSON, as a store keeps it.
  expect(parseEvidence(JSON.parse(JSON.stringify(a)))).toEqual(a);
  expect(parseEvidence({ canary: 1 })).toBeNull();
});

test('calls that shared a run and failed or were slow together are one event', () => {
  const counter = new EvidenceCounter({ task: 'binary', range: null });
  counter.slowMs = 10;
  for (const turn of [1, 1, 1, 2]) counter.call('canary', 'error', { rows: 5, latencyMs: 50, turn });
  counter.call('canary', 'scored', { rows: 5, latencyMs: 50, turn: 3 });
  const { requests, errors, slow, timed } = counter.evidence().canary;
  expect({ requests, errors, slow, timed }).toEqual({ requests: 25, errors: 2, slow: 3, timed: 3 });
});

const ALLOWED: Readonly<Record<Exclude<RolloutEventKind, 'started'>, readonly RolloutState[]>> = {
  canaried: ['shadow'],
  raised: ['canary'],
  held: ['shadow', 'canary', 'held'],
  released: ['held'],
  promoted: ['shadow', 'canary', 'held'],
  rolledBack: ['shadow', 'canary', 'held', 'soaking'],
  completed: ['soaking'],
  tuned: ['canary', 'held'],
};

test('every event moves a rollout from the states that allow it, and is refused by code in all others', () => {
  const states: readonly RolloutState[] = ['shadow', 'canary', 'held', 'soaking', 'completed', 'rolledBack'];
  for (const [kind, allowed] of Object.entries(ALLOWED) as [Exclude<RolloutEventKind, 'started'>, RolloutState[]][])
    for (const state of states) {
      const held = state === 'held' ? ({ from: 'canary', by: 'judge' } as const) : null;
      const move = () => moved(newRollout('r', { state, held }), { kind, at: 5, by: 'judge', reason: 'why' });
      if (!allowed.includes(state)) {
        expect(move, `${kind} of ${state}`).toThrow(expect.objectContaining({ code: 'ROLLOUT_STATE' }));
        continue;
      }
      const { next, event } = move();
      expect([next.revision, event.revision, event.state]).toEqual([2, 2, next.state]);
      expect(next.endedAt === null).toBe(kind !== 'rolledBack' && kind !== 'completed');
      expect((next.state === 'held') === (next.held !== null)).toBe(true);
    }
});
