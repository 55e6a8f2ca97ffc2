import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { type ColumnSide, sideOfSketch, sideOfValues } from '../../src/monitoring/detect/column-side.ts';
import { kindOf } from '../../src/monitoring/detect/feature-kind.ts';
import { qualityFaults } from '../../src/monitoring/detect/quality-fault.ts';
import { addNumber, addText, createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { type Column, calmKinds, planted, referenceOf } from './value-fault-cases.ts';

/** Calm windows of each kind and form: 16 kinds have 512. HEADRACE_WINDOWS and HEADRACE_SEED ask for more, and others. */
const WINDOWS = Number(process.env['HEADRACE_WINDOWS'] ?? 16);
const SEED = Number(process.env['HEADRACE_SEED'] ?? 101);

/** A column as a file has it, and as a profile has it. */
const forms: Readonly<Record<string, (column: Column) => ColumnSide>> = {
  values: sideOfValues,
  profile: (column) => {
    const sketch = createColumnSketch(column instanceof Float64Array ? 'number' : 'text');
    if (column instanceof Float64Array) for (const value of column) addNumber(sketch, value);
    else for (const value of column) addText(sketch, value);
    return sideOfSketch(sketch);
  },
};

type Found = readonly { readonly kind: string; readonly text: string }[];

const faultsOf = (reference: ColumnSide, current: ColumnSide): Found =>
  qualityFaults('x', reference, current, kindOf(reference) !== 'identifier');

describe.each(Object.entries(forms))('of %s', (_, sideOf) => {
  test.each(Object.keys(planted))('%s: a fault', (name) => {
    const { sound, spoil, kind } = planted[name];
    const random = seededRandom(SEED);
    const reference = sideOf(referenceOf(sound, random));
    for (const rows of [500, 1500]) {
      const window = sound(random, rows);
      const kinds = faultsOf(reference, sideOf(spoil(window, random))).map((one) => one.kind);
      expect([...new Set(kinds)], `${rows} rows`).toEqual([kind]);
    }
  });

  test.each(Object.keys(calmKinds))('windows of %s: no fault', (name) => {
    const draw = calmKinds[name];
    const random = seededRandom(SEED + 1);
    const reference = sideOf(referenceOf(draw, random));
    for (let i = 0; i < WINDOWS; i += 1)
      expect(faultsOf(reference, sideOf(draw(random, 800))), `window ${i}`).toEqual([]);
  });
});

test('drift is no fault: a shift, growth by half, a new part of the rows', () => {
  const random = seededRandom(303);
  const { normal, lognormal } = calmKinds;
  const moved = (column: Column, move: (value: number, i: number) => number) =>
    Float64Array.from([...column], (value, i) => move(Number(value), i));
  for (const [draw, move] of [
    [normal, (x: number) => x + 8],
    [normal, (x: number) => 50 + 1.5 * (x - 50)],
    [lognormal, (x: number) => 1.4 * x],
    [lognormal, (x: number, i: number) => (i % 5 === 0 ? 3 * x : x)],
    [lognormal, (x: number, i: number) => (i % 4 === 0 ? 90 + x : x)],
  ] as const) {
    const reference = sideOfValues(referenceOf(draw, random));
    for (let i = 0; i < 8; i += 1)
      expect(faultsOf(reference, sideOfValues(moved(draw(random, 800), move)))).toEqual([]);
  }
});
