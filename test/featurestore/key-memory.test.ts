import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { COUNT, START } from '../../src/features/tile/tile-layout.ts';
import { tileAt } from '../../src/features/tile/tile-run.ts';
import { KeyBudget, type Weighed } from '../../src/featurestore/materialise/key-budget.ts';
import { TileCache } from '../../src/featurestore/materialise/tile-cache.ts';
import { TileDrain } from '../../src/featurestore/materialise/tile-drain.ts';
import { FollowedTiles } from '../../src/featurestore/online/followed-tiles.ts';
import { childEnv } from '../child-env.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { runs } from '../runs.ts';
import { newRoot } from '../stores/new-root.ts';
import { HOPS, spend, tileOf } from '../stores/numbered-tiles.ts';
import { until } from '../until.ts';
import { writeKeys } from './memory-keys.ts';

const anyKey = fc.nat(60).map((i) => `user ${i}`);

const anyOperation = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('event' as const), key: anyKey, minute: fc.nat(40) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('read' as const), key: anyKey }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('keep' as const), key: anyKey, features: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('commit' as const), fails: fc.boolean(), amid: anyKey }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), key: anyKey }) },
);

/** A key that holds nothing but its size. */
class Plain implements Weighed<Plain> {
  budget: KeyBudget<Plain> | null = null;
  busy = 0;
  older: Plain | null = null;
  newer: Plain | null = null;
  placedAt = 0;
  usedAt = 0;
  bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  left(): void {}
}

/** A cache over a store, with the events of every key and minute as a model. */
function running(maxBytes: number, mostBusy?: number) {
  const store = new MemoryOnlineStore();
  const cache = new TileCache(store, maxBytes, undefined, mostBusy);
  const model = new Map<string, Map<number, number>>();
  let commits = 0;
  const event = (key: string, minute: number) => {
    const entry = cache.tilesToChange(spend, key);
    const start = minute * HOPS[0];
    const index = tileAt(entry.runs[0], spend, start, 0);
    entry.runs[0].nums[index * spend.numbers + COUNT] += 1;
    cache.markDirty(spend, entry, 0, start);
    const counts = model.get(key) ?? new Map<number, number>();
    model.set(key, counts.set(start, (counts.get(start) ?? 0) + 1));
  };
  const read = (key: string) => {
    const [run] = cache.tilesOf(spend, key).runs;
    const counts = Array.from({ length: run.length }, (_, i) =>
      [START, COUNT].map((at) => run.nums[i * spend.numbers + at]),
    );
    expect([key, counts]).toEqual([key, [...(model.get(key) ?? [])].sort(([a], [b]) => a - b)]);
  };
  /** As the materialiser does; an event comes while the tiles are written. */
  const commit = (fails: boolean, amid: string | null) => {
    const drain = new TileDrain(cache, {
      archived: Number.NEGATIVE_INFINITY,
      now: 0,
      see: () => undefined,
      take: () => undefined,
    });
    const steps = [...drain.steps].length;
    commits += 1;
    const tiles = drain.tiles.map((tile) => ({ ...tile, run: { ...tile.run, nums: tile.run.nums.slice() } }));
    // Reads between the drain and the end of the write.
    for (let i = 0; i < 60; i += 7) read(`user ${i}`);
    if (amid !== null) event(amid, 3);
    if (fails) drain.takeBack();
    else {
      store.writeTiles({ writer: 'w', position: { t: [commits] }, tiles });
      for (const _ of cache.sweep(0));
    }
    return steps;
  };
  return { cache, event, read, commit, model };
}

test('whatever is read, changed, committed or fails to be, memory stays within its budget and no event is lost', () => {
  let evicted = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000, max: 30_000 }),
      fc.array(anyOperation, { minLength: 60, maxLength: 150, size: 'max' }),
      (maxBytes, operations) => {
        const { cache, event, read, commit, model } = running(maxBytes);
        const mustFit = () => {
          expect(cache.bytes).toBeLessThanOrEqual(maxBytes);
          expect(cache.busyBytes).toBeLessThanOrEqual(cache.bytes);
        };
        for (const operation of operations) {
          if (operation.kind === 'event') event(operation.key, operation.minute);
          else if (operation.kind === 'read') read(operation.key);
          else if (operation.kind === 'commit') commit(operation.fails, operation.amid);
          else if (operation.kind === 'keep') {
            const entry = cache.tilesOf(spend, operation.key);
            const shareBytes = operation.features * 56;
            entry.answers = [{ owner: entry, epoch: 0, from: 0, until: 1, values: [], texts: null, shareBytes }];
            cache.weigh(entry);
            expect(cache.has(entry)).toBe(true);
          } else if (cache.tilesOf(spend, operation.key).busy === 0) cache.drop(spend, operation.key);
          // Whoever brings events commits when this is said.
          if (cache.mustCommit) commit(false, null);
          mustFit();
        }
        evicted += cache.evicted;
        commit(false, null);
        expect(cache.busyBytes).toBe(0);
        for (const key of model.keys()) read(key);
        mustFit();
        // Everything that is counted can leave.
        cache.maxBytes = 1;
        cache.tilesOf(spend, 'another');
        expect(cache.keys).toBe(1);
      },
    ),
    { numRuns: runs(50, 1_500) },
  );
  expect(evicted).toBeGreaterThan(1_000);
});

test('however large the budget, a commit is due after some changed keys, and events wait after twice as many', () => {
  const { cache, event, read, commit } = running(1e9, 40);
  for (let round = 0; round < 3; round += 1) {
    // Keys that were changed before are not counted twice.
    for (let i = 0; i < 80; i += 1) event(`user ${i % 40}`, i);
    expect([cache.mustCommit, cache.isFull]).toEqual([false, false]);
    event('user 40', 0);
    expect([cache.mustCommit, cache.isFull]).toEqual([true, false]);
    for (let i = 41; i < 81; i += 1) event(`user ${i}`, 0);
    expect([cache.mustCommit, cache.isFull]).toEqual([true, true]);
    commit(round === 1, null);
    expect(cache.mustCommit).toBe(round === 1);
    if (round === 1) commit(false, null);
    cache.forget();
    expect([cache.mustCommit, cache.isFull]).toEqual([false, false]);
  }
  read('user 80');
});

test('kept answers end when one of the keys after them leaves, and nothing is kept with tiles that have left', () => {
  const { cache, read } = running(8_000);
  const entry = cache.tilesOf(spend, 'user 0');
  const kept = { owner: entry, epoch: 0, from: 0, until: 1, values: [], texts: null, shareBytes: 100 };
  entry.answers = [kept];
  cache.weigh(entry);
  expect(cache.has(entry)).toBe(true);
  for (let i = 1; i < 60; i += 1) read(`user ${i}`);
  expect(kept.until).toBe(Number.NEGATIVE_INFINITY);
  expect(cache.has(entry)).toBe(false);
});

test('a key that grows stays, and the others leave, wherever it is in the order of use', () => {
  fc.assert(
    fc.property(fc.nat(9), fc.integer({ min: 0, max: 8_000 }), (which, growth) => {
      const budget = new KeyBudget<Plain>(10_000);
      const entries = Array.from({ length: 10 }, () => new Plain(1_000));
      for (const entry of entries) budget.add(entry);
      budget.weigh(entries[which], 1_000 + growth);
      expect(budget.bytes).toBeLessThanOrEqual(10_000);
      expect(entries[which].budget).toBe(budget);
      const gone = Math.ceil(growth / 1_000);
      const others = entries.filter((_, i) => i !== which);
      expect(others.map((entry) => entry.budget === budget)).toEqual(others.map((_, i) => i >= gone));
    }),
  );
});

test('the key that was used longest ago leaves first', () => {
  const { cache, read } = running(8_000);
  read('user 0');
  for (let i = 1; i < 200; i += 1) {
    const first = cache.tilesOf(spend, 'user 0');
    read(`user ${i}`);
    expect(cache.tilesOf(spend, 'user 0')).toBe(first);
  }
  expect(cache.evicted).toBeGreaterThan(100);
});

test.each([
  ['sparse', 5_000],
  ['dense', 2_000],
  ['texts', 1_000],
  ['sketches', 3_000],
] as const)(
  'the memory that %s keys are said to take is what they take in a process, from 0.6 to 1.2 of it',
  async (kind, keys) => {
    const directory = newRoot();
    await writeKeys(kind, directory, keys);
    const script = fileURLToPath(new URL('./memory-use.ts', import.meta.url));
    const output = execFileSync(process.execPath, ['--expose-gc', script, kind, String(keys), directory], {
      encoding: 'utf8',
      env: childEnv(),
    });
    const { said, real } = JSON.parse(output.trim().split('\n').at(-1) ?? '');
    expect(said).toBeGreaterThan(keys * 500);
    expect(real / said).toBeGreaterThan(0.6);
    expect(real / said).toBeLessThan(1.2);
  },
  600_000,
);

test('a process that reads next to the writer stays within its budget, whatever keys it reads and the writer changes', async () => {
  const path = newRoot();
  const writer = openOnlineStore({ path });
  const keys = Array.from({ length: 2_000 }, (_, i) => `many ${i}`);
  await writer.writeTiles({ writer: 'w', position: {}, tiles: keys.map((key) => tileOf(key, HOPS[0], 0, 1)) });
  const store = openOnlineStore({ path, access: 'read' });
  const maxBytes = 100_000;
  const followed = new FollowedTiles(store, [spend], maxBytes);
  const source = followed.source(() => 0);
  for (let pass = 1; pass <= 3; pass += 1) {
    for (const key of keys) {
      followed.follow();
      const [run] = source.runsOf(spend, key, 0);
      expect(run.nums[COUNT]).toBe(1);
      expect(followed.memory.bytes).toBeLessThanOrEqual(maxBytes);
    }
    // What a commit changes is read again, and what held its place is free.
    for (let n = 1; n <= 30; n += 1) {
      const count = pass * 100 + n;
      await writer.writeTiles({ writer: 'w', position: {}, tiles: [tileOf('hot', HOPS[0], 0, count)] });
      await until(() => {
        followed.follow();
        return source.runsOf(spend, 'hot', 0)[0].nums[COUNT] === count;
      });
    }
    expect(followed.memory.keys).toBeLessThan(200);
  }
  expect(followed.memory.evicted).toBeGreaterThan(5_000);
  await store.close();
  await writer.close();
});
