import { describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { type ColumnSide, sideOfSketch, sideOfValues } from '../../src/monitoring/detect/column-side.ts';
import { kindOf } from '../../src/monitoring/detect/feature-kind.ts';
import { qualityFaults } from '../../src/monitoring/detect/quality-fault.ts';
import { addNumber, addText, createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { type Column, calmKinds, type Draw, nearZeroKinds, planted, referenceOf } from './value-fault-cases.ts';

/** Calm windows of each kind and form: 19 kinds have 608. HEADRACE_WINDOWS and HEADRACE_SEED ask for more, and others. */
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

describe('values near 0', () => {
  const seeds = [1, 2, 3, 4, 5, 6];

  test.each(Object.entries(nearZeroKinds()))('%s are no other unit, whatever the seed', (_, draw) => {
    for (const seed of seeds) {
      const random = seededRandom(SEED + seed);
      const reference = sideOfValues(referenceOf(draw, random));
      for (let i = 0; i < 8; i += 1)
        expect(faultsOf(reference, sideOfValues(draw(random, 800))), `seed ${seed}`).toEqual([]);
    }
  });

  // The reference is of calm days: any number divided by a great factor lies among its values.
  test.each([0.1, 0.39, 0.7, 1])('a storm in a share of %s of rows is no other unit', (share) => {
    for (const [form, sideOf] of Object.entries(forms))
      for (const seed of seeds) {
        const random = seededRandom(SEED + seed);
        const calm = () => 0.5 + 2.5 * randomNormal(random);
        const storm = () => 25 + 6 * randomNormal(random);
        const reference = sideOf(Float64Array.from({ length: 3000 }, calm));
        const current = sideOf(Float64Array.from({ length: 800 }, () => (random() < share ? storm() : calm())));
        const kinds = faultsOf(reference, current).map(({ kind }) => kind);
        expect(kinds, `${form}, seed ${seed}`).not.toContain('unit');
      }
  });

  test.each([0.1, 0.39, 0.7])('milliseconds for hours in a share of %s of rows are found', (share) => {
    const random = seededRandom(SEED);
    const calm = () => 0.5 + 2.5 * randomNormal(random);
    const reference = sideOfValues(Float64Array.from({ length: 3000 }, calm));
    const current = Float64Array.from({ length: 800 }, () => (random() < share ? 3_600_000 : 1) * calm());
    const found = faultsOf(reference, sideOfValues(current));
    expect(found.map(({ text }) => text)).toEqual([expect.stringContaining('hours and milliseconds')]);
  });
});

test('drift is no fault: a shift, growth by half, a new part of the rows', () => {
  const random = seededRandom(303);
  const { normal, lognormal } = calmKinds;
  const narrow: Draw = (of, rows) => Float64Array.from({ length: rows }, () => 60 + 6 * randomNormal(of));
  const moved = (column: Column, move: (value: number, i: number) => number) =>
    Float64Array.from([...column], (value, i) => move(Number(value), i));
  for (const [draw, move] of [
    [normal, (x: number) => x + 8],
    [normal, (x: number) => 50 + 1.5 * (x - 50)],
    [lognormal, (x: number) => 1.4 * x],
    [lognormal, (x: number, i: number) => (i % 5 === 0 ? 3 * x : x)],
    [lognormal, (x: number, i: number) => (i % 4 === 0 ? 90 + x : x)],
    // Narrow values of which a third grows by no factor between units, or to the size of one with another width.
    [narrow, (x: number, i: number) => (i % 3 === 0 ? 1.85 * x : x)],
    [narrow, (x: number, i: number) => (i % 3 === 0 ? 2.9 * x : x)],
    [narrow, (x: number, i: number) => (i % 3 === 0 ? 96 + 0.5 * (x - 60) : x)],
  ] as const) {
    const reference = sideOfValues(referenceOf(draw, random));
    for (let i = 0; i < 8; i += 1)
      expect(faultsOf(reference, sideOfValues(moved(draw(random, 800), move)))).toEqual([]);
  }
});
