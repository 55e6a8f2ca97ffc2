import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clip, intersect, lengthOf, type Spans, subtract, unionOf } from '../../src/gpu/intervals.ts';

const END = 60;
const intervals = fc.array(fc.tuple(fc.nat(END), fc.nat(20)), { maxLength: 15 });

/** The naive oracle: which whole microseconds an interval covers. */
function cells(list: readonly (readonly [number, number])[]): readonly boolean[] {
  return Array.from({ length: END + 20 }, (_, at) =>
    list.some(([start, length]) => at >= start && at < start + length),
  );
}

function spans(list: readonly (readonly [number, number])[]): Spans {
  return unionOf(
    list.map(([start]) => start),
    list.map(([start, length]) => start + length),
  );
}

function count(set: readonly boolean[]): number {
  return set.filter(Boolean).length;
}

test('union, intersection, difference and clip have the length of the sets of microseconds', () => {
  fc.assert(
    fc.property(intervals, intervals, fc.nat(END), fc.nat(END), (a, b, from, length) => {
      const [left, right] = [cells(a), cells(b)];
      expect(lengthOf(spans(a))).toBe(count(left));
      expect(lengthOf(intersect(spans(a), spans(b)))).toBe(count(left.map((is, at) => is && right[at])));
      expect(lengthOf(subtract(spans(a), spans(b)))).toBe(count(left.map((is, at) => is && !right[at])));
      const inside = left.map((is, at) => is && at >= from && at < from + length);
      expect(lengthOf(clip(spans(a), from, from + length))).toBe(count(inside));
    }),
  );
});

test('a union is sorted, without overlap, and the same in any order of the input', () => {
  fc.assert(
    fc.property(intervals, (list) => {
      const { starts, ends } = spans(list);
      for (let at = 1; at < starts.length; at += 1) expect(starts[at]).toBeGreaterThan(ends[at - 1]);
      expect(spans(list.toReversed())).toEqual({ starts, ends });
    }),
  );
});
