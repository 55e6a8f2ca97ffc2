import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';

type Values = readonly (number | null | undefined)[];
const { lonePoints }: { lonePoints: (values: Values) => readonly number[] } = await import(
  `${root}/console/src/look/lone-points.ts`
);

/** Values that a line shows: both ends of each of its pieces. */
function inLines(values: Values): ReadonlySet<number> {
  const drawn = new Set<number>();
  for (let i = 1; i < values.length; i += 1)
    if ((values[i - 1] ?? null) !== null && (values[i] ?? null) !== null) drawn.add(i - 1).add(i);
  return drawn;
}

const series = fc.array(fc.option(fc.double({ noNaN: true }), { nil: null }), { maxLength: 40 });

test('every value of a series is part of a line or a point, and none is both', () => {
  fc.assert(
    fc.property(series, (values) => {
      const [points, lines] = [lonePoints(values), inLines(values)];
      const all = values.flatMap((value, i) => (value === null ? [] : [i]));
      expect([...points, ...lines].toSorted((a, b) => a - b)).toEqual(all);
    }),
  );
});
