import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdBudget } from '../../src/monitoring/labels/known-ids.ts';
import { type JudgedPrediction, LabelJoin, type LabelJoinOptions } from '../../src/monitoring/labels/label-join.ts';
import { MemoryWaitingIds } from '../memory/waiting-ids.ts';

function joinWith(changes: Partial<LabelJoinOptions> = {}) {
  const judged: JudgedPrediction[] = [];
  const join = new LabelJoin({
    withinMs: 100,
    latenessMs: 20,
    otherwise: null,
    predicted: () => undefined,
    judged: (prediction) => judged.push(prediction),
    store: new MemoryWaitingIds(),
    budget: new IdBudget(Number.POSITIVE_INFINITY),
    unlabelled: () => undefined,
    ...changes,
  });
  return { join, judged, counters: join.counters };
}

describe('a label', () => {
  test('settles its prediction whichever comes first', () => {
    const { join, judged, counters } = joinWith();
    join.predict('a', 10, 1, 0.3);
    join.label('a', 50, 1);
    join.label('b', 60, 0);
    join.predict('b', 20, 2, 0.8);
    expect(judged).toEqual([
      { at: 10, version: 1, score: 0.3, label: 1, assumed: false },
      { at: 20, version: 2, score: 0.8, label: 0, assumed: false },
    ]);
    expect(counters).toMatchObject({ predictions: 2, labelled: 2, pending: 0, labels: 2, waitingLabels: 0 });
  });

  test('counts from the instant of its prediction to withinMs after it, both included', () => {
    for (const [time, counts] of [
      [9, false],
      [10, true],
      [110, true],
      [111, false],
    ] as const) {
      const late = joinWith();
      late.join.predict('a', 10, 1, 0.3);
      late.join.label('a', time, 1);
      expect([late.judged.length, late.counters.outOfTimeLabels]).toEqual(counts ? [1, 0] : [0, 1]);
      const early = joinWith();
      early.join.label('a', time, 1);
      early.join.predict('a', 10, 1, 0.3);
      expect([early.judged.length, early.counters.outOfTimeLabels]).toEqual(counts ? [1, 0] : [0, 1]);
    }
  });

  test('out of time leaves its prediction open for the next', () => {
    const { join, judged, counters } = joinWith();
    join.predict('a', 10, 1, 0.3);
    join.label('a', 5, 0);
    join.label('a', 15, 1);
    expect(judged).toEqual([{ at: 10, version: 1, score: 0.3, label: 1, assumed: false }]);
    expect(counters).toMatchObject({ outOfTimeLabels: 1, duplicateLabels: 0, labels: 2 });
  });

  test('of several that wait, the earliest that counts is taken', () => {
    const { join, judged, counters } = joinWith();
    for (const [time, label] of [
      [5, 1],
      [60, 1],
      [40, 0],
      [300, 1],
    ] as const)
      join.label('a', time, label);
    join.predict('a', 10, 1, 0.3);
    expect(judged).toEqual([{ at: 10, version: 1, score: 0.3, label: 0, assumed: false }]);
    expect(counters).toMatchObject({ labels: 4, duplicateLabels: 1, outOfTimeLabels: 2, waitingLabels: 0 });
  });

  test('that comes again is counted and changes nothing', () => {
    const { join, judged, counters } = joinWith();
    join.predict('a', 10, 1, 0.3);
    join.label('a', 20, 1);
    join.label('a', 20, 1);
    join.label('a', 30, 0);
    expect(judged).toHaveLength(1);
    expect(counters).toMatchObject({ labels: 3, labelled: 1, duplicateLabels: 2 });
  });

  test('that arrives late, within the lateness of its source, still counts', () => {
    const { join, judged } = joinWith();
    join.predict('a', 10, 1, 0.3);
    join.expire(129);
    join.label('a', 110, 1);
    expect(judged).toHaveLength(1);
  });
});

test('each of several waiting labels waits its own time', () => {
  const { join, judged, counters } = joinWith();
  join.label('a', 10, 1);
  join.label('a', 100, 0);
  // The first is over at 130, the second at 220.
  join.expire(150);
  expect(counters).toMatchObject({ waitingLabels: 1, orphanLabels: 1 });
  join.predict('a', 90, 1, 0.3);
  expect(judged).toEqual([{ at: 90, version: 1, score: 0.3, label: 0, assumed: false }]);
  join.expire(Number.POSITIVE_INFINITY);
  expect(counters).toMatchObject({ labels: 2, labelled: 1, waitingLabels: 0, orphanLabels: 1, pending: 0 });
});

describe('a prediction', () => {
  test('without a label stays without one when its time is over', () => {
    const { join, judged, counters } = joinWith();
    join.predict('a', 10, 1, 0.3);
    join.expire(130);
    expect(counters).toMatchObject({ pending: 1, unlabelled: 0 });
    join.expire(131);
    expect(counters).toMatchObject({ pending: 0, unlabelled: 1 });
    join.label('a', 50, 1);
    join.expire(1_000);
    expect(judged).toEqual([]);
    expect(counters).toMatchObject({ labels: 1, orphanLabels: 1, waitingLabels: 0, unlabelled: 1 });
  });

  test('without a label takes the declared one when its time is over', () => {
    const { join, judged, counters } = joinWith({ otherwise: 0 });
    join.predict('a', 10, 1, 0.3);
    join.expire(1_000);
    expect(judged).toEqual([{ at: 10, version: 1, score: 0.3, label: 0, assumed: true }]);
    expect(counters).toMatchObject({ labelled: 1, assumed: 1, unlabelled: 0, pending: 0, labels: 0 });
  });

  test('under an id that is taken is counted, and the first stays', () => {
    const { join, judged, counters } = joinWith();
    join.predict('a', 10, 1, 0.3);
    join.predict('a', 11, 2, 0.9);
    join.label('a', 20, 1);
    join.predict('a', 12, 3, 0.1);
    expect(judged).toEqual([{ at: 10, version: 1, score: 0.3, label: 1, assumed: false }]);
    expect(counters).toMatchObject({ predictions: 1, duplicatePredictions: 2 });
  });

  test('far in the future holds up no other', () => {
    const { join, counters } = joinWith();
    join.predict('far', 8.64e15, 1, 0.3);
    for (let i = 0; i < 1_000; i += 1) join.predict(`p${i}`, i, 1, 0.3);
    join.expire(2_000);
    expect(counters).toMatchObject({ predictions: 1_001, unlabelled: 1_000, pending: 1 });
    join.expire(Number.POSITIVE_INFINITY);
    expect(counters).toMatchObject({ unlabelled: 1_001, pending: 0 });
  });
});

/** Predictions, labels and ends of time in any order, over few ids and instants. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('predict'), id: fc.nat(6), time: fc.nat(400) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('label'), id: fc.nat(6), time: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire'), id: fc.constant(0), time: fc.nat(400) }) },
);

test('every prediction and every label is accounted for, once, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.constantFrom(null, 0), (steps, otherwise) => {
      let predicted = 0;
      const { join, judged, counters: c } = joinWith({ otherwise, predicted: () => (predicted += 1) });
      let now = 0;
      for (const { kind, id, time } of steps) {
        if (kind === 'predict') join.predict(`id${id}`, time, 1, 0.5);
        else if (kind === 'label') join.label(`id${id}`, time, 1);
        else {
          now = Math.max(now, time);
          join.expire(now);
        }
        expect(c.predictions).toBe(c.labelled + c.unlabelled + c.pending);
        const seen = c.labelled - c.assumed + c.duplicateLabels + c.outOfTimeLabels + c.orphanLabels + c.waitingLabels;
        expect(c.labels).toBe(seen);
        expect([predicted, judged.length]).toEqual([c.predictions, c.labelled]);
      }
      join.expire(Number.POSITIVE_INFINITY);
      expect([c.pending, c.waitingLabels]).toEqual([0, 0]);
      const asked = steps.filter(({ kind }) => kind === 'predict').length;
      expect(c.predictions + c.duplicatePredictions).toBe(asked);
    }),
    { numRuns: 400 },
  );
});

test('the order in which predictions and labels arrive changes no outcome while time runs for all', () => {
  const pairs = fc.uniqueArray(fc.record({ id: fc.nat(50), at: fc.nat(300), delay: fc.nat(150), label: fc.nat(1) }), {
    selector: ({ id }) => id,
    maxLength: 20,
  });
  fc.assert(
    fc.property(pairs, fc.infiniteStream(fc.nat()), (rows, noise) => {
      const calls = rows.flatMap(({ id, at, delay, label }) => [
        (join: LabelJoin) => join.predict(`id${id}`, at, 1, id / 50),
        (join: LabelJoin) => join.label(`id${id}`, at + delay, label),
      ]);
      const shuffled = calls
        .map((call) => ({ call, key: noise.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ call }) => call);
      const [inOrder, anyOrder] = [joinWith(), joinWith()];
      for (const call of calls) call(inOrder.join);
      for (const call of shuffled) call(anyOrder.join);
      for (const { join } of [inOrder, anyOrder]) join.expire(Number.POSITIVE_INFINITY);
      const sorted = ({ judged }: typeof inOrder) => judged.toSorted((a, b) => a.score - b.score || a.at - b.at);
      expect(sorted(anyOrder)).toEqual(sorted(inOrder));
      expect(inOrder.judged).toHaveLength(rows.filter(({ delay }) => delay <= 100).length);
    }),
  );
});
