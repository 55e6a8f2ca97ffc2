import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryObjects } from 'node:v8';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { WaitingIdFiles } from '../../src/backends/embedded/sqlite-waiting-ids.ts';
import { IdBudget, KnownIds } from '../../src/monitoring/labels/known-ids.ts';
import { type JudgedPrediction, LabelJoin } from '../../src/monitoring/labels/label-join.ts';
import type { WaitingIds } from '../../src/ports/waiting-ids.ts';
import { waitingIdsContracts } from '../../src/testing/contracts/waiting-ids.ts';
import { MemoryWaitingIds } from '../memory/waiting-ids.ts';
import { runs } from '../runs.ts';
import { NaiveLabelJoin } from './naive-label-join.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-waiting-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let names = 0;
function newFolder(): string {
  names += 1;
  return join(folder, String(names));
}

describe.each(['memory', 'sqlite'] as const)('ids that wait in %s', (kind) => {
  test.each(waitingIdsContracts)('$rule. $name', async ({ run }) => {
    const own = newFolder();
    await run({ open: () => (kind === 'memory' ? new MemoryWaitingIds() : new WaitingIdFiles(own).of('a model/..')) });
  });
});

/** A step over few ids and instants; `end` ends ids in steps, of which the rest are taken with the next. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('predict'), id: fc.nat(40), time: fc.nat(900), n: fc.nat(3) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('label'), id: fc.nat(40), time: fc.nat(900), n: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('end'), id: fc.constant(0), time: fc.nat(900), n: fc.nat(3) }),
  },
);

const finish = (steps: Iterator<unknown>): void => {
  while (steps.next().done !== true);
};

const bySum = (a: JudgedPrediction, b: JudgedPrediction) => a.at - b.at || a.score - b.score || a.label - b.label;

test('whatever part of the ids fits into memory, the answers are those of a list of all of them', () => {
  const own = new WaitingIdFiles(newFolder());
  const stores: readonly WaitingIds[] = [new MemoryWaitingIds(), own.of('ids')];
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 150, size: 'max' }),
      fc.constantFrom(null, 0),
      fc.constantFrom(0, 700, 3_000, Number.POSITIVE_INFINITY),
      fc.constantFrom(...stores),
      (steps, otherwise, bytes, store) => {
        store.clear();
        const budget = new IdBudget(bytes);
        const rules = { withinMs: 300, latenessMs: 20, otherwise };
        const [judged, wanted]: JudgedPrediction[][] = [[], []];
        let [predicted, asked] = [0, 0];
        const joined = new LabelJoin({
          ...rules,
          store,
          budget,
          endedAtOnce: 2,
          predicted: () => {
            predicted += 1;
          },
          judged: (one) => judged.push(one),
          unlabelled: () => undefined,
        });
        const naive = new NaiveLabelJoin({
          ...rules,
          predicted: () => {
            asked += 1;
          },
          judged: (one) => wanted.push(one),
          unlabelled: () => undefined,
        });
        let now = 0;
        let ending: Iterator<unknown> = [].values();
        for (const { kind, id, time, n } of steps) {
          if (kind === 'predict') for (const one of [joined, naive]) one.predict(`id${id}`, time, n, id / 64);
          else if (kind === 'label') for (const one of [joined, naive]) one.label(`id${id}`, time, n % 2);
          else {
            finish(ending);
            expect(joined.counters).toEqual(naive.counters);
            now = Math.max(now, time);
            naive.expire(now);
            ending = joined.expiring(now)[Symbol.iterator]();
            for (let taken = 0; taken <= n; taken += 1) ending.next();
          }
          expect([predicted, joined.counters.duplicatePredictions]).toEqual([
            asked,
            naive.counters.duplicatePredictions,
          ]);
          // The last id that was looked for is in memory, and so are ids that are about to end.
          if (steps.every((other) => other.kind !== 'end')) expect(budget.bytes).toBeLessThanOrEqual(bytes + 3_000);
        }
        finish(ending);
        for (const one of [joined, naive]) one.expire(Number.POSITIVE_INFINITY);
        expect(joined.counters).toEqual(naive.counters);
        expect(judged.toSorted(bySum)).toEqual(wanted.toSorted(bySum));
        expect([joined.ids, budget.bytes, store.size]).toEqual([{ known: 0, stored: 0 }, 0, 0]);
      },
    ),
    { numRuns: runs(30, 1_000) },
  );
  own.close();
});

test('while ids end in steps, one that has ended is found ended, and one that came since is not', () => {
  for (const bytes of [0, Number.POSITIVE_INFINITY]) {
    const judged: JudgedPrediction[] = [];
    const join = new LabelJoin({
      withinMs: 100,
      latenessMs: 20,
      otherwise: null,
      store: new MemoryWaitingIds(),
      budget: new IdBudget(bytes),
      predicted: () => undefined,
      judged: (one) => judged.push(one),
      unlabelled: () => undefined,
    });
    for (let i = 0; i < 2_000; i += 1) join.predict(`p${i}`, 10, 1, 0.5);
    const steps = join.expiring(500)[Symbol.iterator]();
    steps.next();
    expect(join.counters.pending).toBeGreaterThan(0);
    join.label('p1999', 20, 1);
    expect(join.counters).toMatchObject({ labelled: 0, waitingLabels: 1 });
    join.predict('late', 10, 1, 0.5);
    join.label('late', 20, 1);
    expect(judged).toHaveLength(1);
    finish(steps);
    join.label('late', 30, 0);
    expect(join.counters).toMatchObject({ pending: 0, unlabelled: 2_000, labelled: 1, duplicateLabels: 1 });
    join.expire(501);
    expect(join.counters).toMatchObject({ orphanLabels: 1, waitingLabels: 0 });
    expect(join.ids.known).toBe(0);
  }
});

class Fact {
  readonly ends: number;

  constructor(ends: number) {
    this.ends = ends;
  }
}

test.each([
  { of: 'all of them fit', ids: Number.POSITIVE_INFINITY },
  { of: 'most have left memory', ids: 400 },
])('the facts of an id are in memory once, and go with it, where $of', ({ ids }) => {
  const codec = {
    count: () => 1,
    encode: ({ ends }: Fact) => Float64Array.of(ends),
    decode: ([ends = 0]: Float64Array) => new Fact(ends),
  };
  const store = new MemoryWaitingIds();
  const known = new KnownIds(10_000, codec, { store, budget: new IdBudget(260 * ids) });
  const inMemory = () => queryObjects(Fact, { format: 'count' });
  for (let now = 0; now < 30_000; now += 1) {
    known.keep(String(now), new Fact(now + 2_000));
    if (now % 100 === 0) finish(known.expire(now, () => null));
  }
  expect(known.size).toBeGreaterThan(2_000);
  expect(inMemory()).toBeLessThanOrEqual(known.size - known.stored + 1);
  // None comes that would push others out, and all end.
  finish(known.expire(Number.POSITIVE_INFINITY, () => null));
  expect(inMemory()).toBeLessThanOrEqual(1);
});

test('a file is there only while ids wait in it, and what a dead process left is removed', () => {
  const own = join(folder, 'left');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, '0.sqlite'), 'half a page');
  const opened = new WaitingIdFiles(own);
  expect(existsSync(own)).toBe(false);
  opened.of('a').put([{ id: 'x', bucket: 1, numbers: Float64Array.of(1) }]);
  expect(readdirSync(own)).toEqual(['0.sqlite']);
  expect(opened.of('a').take('x')?.numbers[0]).toBe(1);
  opened.close();
  expect(existsSync(own)).toBe(false);
});

test('a folder that cannot be written is a coded error', () => {
  const own = join(folder, 'blocked');
  const opened = new WaitingIdFiles(own);
  writeFileSync(own, '');
  expect(() => opened.of('a').put([{ id: 'x', bucket: 1, numbers: new Float64Array() }])).toThrow(
    expect.objectContaining({ code: 'LABEL_IDS' }),
  );
});
