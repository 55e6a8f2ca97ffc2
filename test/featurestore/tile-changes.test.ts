import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_CHANGE, TileChanges } from '../../src/featurestore/materialise/tile-changes.ts';

const HOPS = 3;

const anyChanges = fc.array(
  fc.record({ key: fc.nat(4), hop: fc.nat(HOPS - 1), start: fc.integer({ min: -3, max: 3 }) }),
  { maxLength: 300 },
);

test('the changes of each key are those that were added, in order, whatever was added for others between', () => {
  fc.assert(
    fc.property(anyChanges, fc.nat(300), (added, told) => {
      const changes = new TileChanges();
      const newest = new Map<number, number>();
      const until = new Map<number, number>();
      added.forEach(({ key, hop, start }, i) => {
        if (i === told) for (const [each, change] of newest) until.set(each, change);
        newest.set(key, changes.add(newest.get(key) ?? NO_CHANGE, hop, start));
      });
      for (const [key, change] of newest) {
        const of = added.filter((one) => one.key === key);
        const since = added.slice(until.size > 0 ? told : 0).filter((one) => one.key === key);
        expect(changes.pairsOf(change, until.get(key) ?? NO_CHANGE)).toEqual(
          since.flatMap(({ hop, start }) => [hop, start]),
        );
        for (let hop = 0; hop < HOPS; hop += 1) {
          const starts = of.filter((one) => one.hop === hop).map(({ start }) => start);
          expect([...changes.startsOf(change, hop)]).toEqual([...new Set(starts)]);
          for (let start = -3; start <= 3; start += 1)
            expect(changes.isNewest(change, NO_CHANGE, hop, start, of.length)).toBe(starts.at(-1) === start);
        }
      }
    }),
  );
});

test('a change that was reported, or lies too far back, is not found again', () => {
  const changes = new TileChanges();
  const first = changes.add(NO_CHANGE, 0, 7);
  const second = changes.add(first, 1, 7);
  expect(changes.isNewest(second, first, 0, 7, 2)).toBe(false);
  expect(changes.isNewest(second, NO_CHANGE, 0, 7, 1)).toBe(false);
  expect(changes.isNewest(second, NO_CHANGE, 0, 7, 2)).toBe(true);
});
