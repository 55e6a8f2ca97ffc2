import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyChanges } from '../../src/featurestore/ingest/key-changes.ts';

const anyDelivery = fc.record({
  id: fc.integer({ min: 0, max: 30 }).map((n) => `e${n}`),
  partition: fc.integer({ min: 0, max: 2 }),
  key: fc.option(fc.constantFrom('a', 'b', 'é')),
});

const bytes = (key: string | null) => (key === null ? null : new TextEncoder().encode(key));

test('of the ids of the last deliveries every one that comes under another partition or key counts', () => {
  fc.assert(
    fc.property(fc.array(anyDelivery, { maxLength: 60 }), (deliveries) => {
      const changes = new KeyChanges(1_000);
      const last = new Map<string, string>();
      let expected = 0;
      for (const { id, partition, key } of deliveries) {
        const place = JSON.stringify([partition, key]);
        const before = last.get(id);
        const changed = before !== undefined && before !== place;
        expected += Number(changed);
        last.set(id, place);
        expect(changes.add(id, partition, bytes(key))).toBe(changed);
      }
      expect(changes.count).toBe(expected);
    }),
  );
});

test('an id is remembered while as many others come as it is to look back, and forgotten after twice as many', () => {
  const changes = new KeyChanges(100);
  const others = (from: number, count: number) => {
    for (let i = 0; i < count; i += 1) changes.add(`other ${from + i}`, 0, null);
  };
  changes.add('e', 0, bytes('a'));
  others(0, 99);
  expect(changes.add('e', 0, bytes('b'))).toBe(true);
  others(1_000, 200);
  expect(changes.add('e', 0, bytes('c'))).toBe(false);
  expect(changes.count).toBe(1);
});
