import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkNodes,
  HEADER_BYTES,
  NODE_BYTES,
  type Page,
  pageOf,
} from '../../src/backends/embedded/online/lmdb-pages.ts';
import { runs } from '../runs.ts';

const PAGE = 4_096;

/** A leaf with these keys in this order, each with an empty value. */
function leafOf(keys: readonly Uint8Array[]): Page {
  const page = pageOf(PAGE);
  let upper = PAGE;
  keys.forEach((key, i) => {
    upper -= NODE_BYTES + key.length;
    page.view.setUint16(HEADER_BYTES + 2 * i, upper - HEADER_BYTES, true);
    page.view.setUint16(upper + 6, key.length, true);
    page.bytes.set(key, upper + NODE_BYTES);
  });
  page.view.setUint16(20, 2 * keys.length, true);
  page.view.setUint16(22, upper - HEADER_BYTES, true);
  return page;
}

/** Few bytes, so that keys are often equal or begin alike. */
const anyKey = fc.array(fc.constantFrom(0, 1, 127, 128, 255), { maxLength: 4 }).map((bytes) => Uint8Array.from(bytes));
const anyBound = fc.option(anyKey);

test('a leaf is accepted if its keys ascend from the lower bound on and end before the upper one', () => {
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.array(anyKey, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      anyBound,
      anyBound,
      (some, isSorted, low, high) => {
        const distinct = [...new Map(some.map((key) => [key.join(), key])).values()];
        const keys = isSorted ? distinct.sort(Buffer.compare) : some;
        const ascends = keys.every((key, i) => i === 0 || Buffer.compare(key, keys[i - 1]) > 0);
        const isFrom = low === null || Buffer.compare(keys[0], low) >= 0;
        const isBefore = high === null || Buffer.compare(keys[keys.length - 1], high) < 0;
        const check = () =>
          checkNodes(leafOf(keys), { isLeaf: true, ordered: true, low, high }, (reason) => {
            throw new Error(reason);
          });
        if (ascends && isFrom && isBefore) {
          seen.accepted += 1;
          expect(check()).toBe(keys.length);
        } else {
          seen.refused += 1;
          expect(check).toThrow('its keys are not in order');
        }
      },
    ),
    { numRuns: runs(500, 50_000) },
  );
  expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(50);
});
