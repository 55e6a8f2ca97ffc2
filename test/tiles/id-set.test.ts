import { expect, test } from 'vitest';
import { fnv1a32 } from '../../src/base/hash/fnv.ts';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import { IdSet, idPart } from '../../src/features/engine/id-set.ts';

const kinds = [
  ['numbers', (i: number) => `order-${i}`],
  ['numbers with the same ending', (i: number) => `${i}:purchase`],
  ['hashes', (i: number) => fnv1a32(`${i}`).toString(16) + fnv1a32(`${i}-`).toString(16)],
] as const;

test.each(kinds)('the ids of a partition, %s, are divided evenly: no part grows with many others', (_, idOf) => {
  const sizes = new Map<number, number>();
  let ids = 0;
  for (let i = 0; i < 100_000; i += 1) {
    const id = idOf(i);
    if (partitionOf(id, 4) !== 1) continue;
    ids += 1;
    sizes.set(idPart(id), (sizes.get(idPart(id)) ?? 0) + 1);
  }
  expect(sizes.size).toBe(256);
  expect(Math.max(...sizes.values())).toBeLessThan((2 * ids) / 256);
});

test('an id is in the set from when it is added on, and no other is', () => {
  const ids = new IdSet();
  const known = new Map<string, number>();
  for (const [offset, id] of ['a', 'b', 'a', 'é', '\u{1f600}', 'é', '', 'b'].entries()) {
    expect(ids.get(id, idPart(id))).toBe(known.get(id));
    if (known.has(id)) continue;
    ids.add(id, idPart(id), offset);
    known.set(id, offset);
  }
});
