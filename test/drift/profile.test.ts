import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { forEachRegister } from '../../src/features/aggregate/registers.ts';
import { compareProfiles } from '../../src/monitoring/detect/compare-profiles.ts';
import {
  addNumber,
  addText,
  type ColumnSketch,
  createColumnSketch,
} from '../../src/monitoring/profile/column-sketch.ts';
import { edgeBins, type FrozenBins, valueBins } from '../../src/monitoring/profile/frozen-bins.ts';
import { createProfile, mergeProfile, type Profile } from '../../src/monitoring/profile/profile.ts';
import { decodeProfile, encodeProfile } from '../../src/monitoring/profile/profile-bytes.ts';

interface Row {
  readonly amount: number | null;
  readonly code: number | null;
  readonly city: string | null;
}

const number = fc.oneof(
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  fc.constantFrom(null, 0, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const rows: fc.Arbitrary<readonly Row[]> = fc.array(
  fc.record({
    amount: number,
    code: fc.constantFrom(null, 1, 2, 3),
    city: fc.oneof(fc.constantFrom(null, '', 'Ulm', 'Köln', '上海'), fc.string()),
  }),
  { maxLength: 300 },
);

const bins: Readonly<Record<keyof Row, FrozenBins>> = {
  amount: edgeBins([-10, 0, 10, 1000]),
  code: valueBins(['1', '2']),
  city: valueBins(['Ulm', 'Köln']),
};

function profileOf(some: readonly Row[]): Profile {
  const profile = createProfile();
  const columns = {
    amount: createColumnSketch('number', bins.amount),
    code: createColumnSketch('number', bins.code),
    city: createColumnSketch('text', bins.city),
  };
  for (const [name, column] of Object.entries(columns)) profile.columns.set(name, column);
  for (const row of some) {
    addNumber(columns.amount, row.amount);
    addNumber(columns.code, row.code);
    addText(columns.city, row.city);
  }
  profile.rows = some.length;
  return profile;
}

/** The parts of a profile that a merge leaves exact, in a form that compares. */
function exactParts({ rows: count, columns }: Profile): unknown {
  const of = (column: ColumnSketch) => {
    const registers: string[] = [];
    forEachRegister(column.registers, (bucket, rho) => registers.push(`${bucket}:${rho}`));
    return {
      counts: [
        column.rows,
        column.missing,
        column.infinite,
        column.whole,
        column.kll?.n,
        column.kll?.min,
        column.kll?.max,
      ],
      registers: new Set(registers),
      bins: [...(column.counts ?? [])],
      frequent: column.frequent === null ? null : Object.fromEntries(column.frequent.counts),
    };
  };
  return { count, columns: [...columns].map(([name, column]) => [name, of(column)]) };
}

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

test('a window is a merge of any parts in any order: exact parts equal, moments to 1e-9', () => {
  fc.assert(
    fc.property(rows, fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 300, maxLength: 300 }), (all, place) => {
      const parts = [0, 1, 2, 3, 4].map((p) => profileOf(all.filter((_, i) => place[i] === p)));
      const merged = profileOf([]);
      for (const part of [...parts].reverse()) mergeProfile(merged, part);
      const whole = profileOf(all);
      expect(exactParts(merged)).toEqual(exactParts(whole));
      for (const [name, column] of whole.columns) {
        const other = merged.columns.get(name);
        expect(near(column.mean, other?.mean ?? Number.NaN)).toBe(true);
        expect(near(column.squares, other?.squares ?? Number.NaN)).toBe(true);
      }
    }),
  );
});

test('a profile is read back equal, and damaged bytes are refused by code', () => {
  const random = seededRandom(9);
  fc.assert(
    fc.property(rows, (all) => {
      const profile = profileOf(all);
      const bytes = encodeProfile(profile);
      expect(exactParts(decodeProfile(bytes))).toEqual(exactParts(profile));
      const hurt = Uint8Array.from(bytes);
      hurt[Math.floor(random() * hurt.length)] ^= 1 << Math.floor(random() * 8);
      for (const damaged of [hurt, bytes.subarray(0, Math.floor(random() * bytes.length))]) {
        try {
          decodeProfile(damaged);
        } catch (error) {
          if (!isHeadraceError(error)) throw error;
          expect(error.code).toBe('DRIFT_PROFILE');
        }
      }
    }),
  );
});

test('profiles of other columns, types or bins do not merge', () => {
  const base = profileOf([]);
  const code = (change: (profile: Profile) => void) => {
    const other = profileOf([]);
    change(other);
    try {
      mergeProfile(base, other);
    } catch (error) {
      return isHeadraceError(error) ? error.code : null;
    }
    return null;
  };
  expect(code((profile) => profile.columns.delete('city'))).toBe('DRIFT_MERGE');
  expect(code((profile) => profile.columns.set('more', createColumnSketch('text')))).toBe('DRIFT_MERGE');
  expect(code((profile) => profile.columns.set('amount', createColumnSketch('text', bins.amount)))).toBe('DRIFT_MERGE');
  expect(code((profile) => profile.columns.set('amount', createColumnSketch('number', edgeBins([1]))))).toBe(
    'DRIFT_MERGE',
  );
});

test('two sketches of one distribution are no drift, and half a deviation is', () => {
  const random = seededRandom(4);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const side = (name: string, shift: number) => {
    const profile = createProfile();
    const column = createColumnSketch('number');
    profile.columns.set('x', column);
    for (let i = 0; i < 100_000; i += 1) addNumber(column, normal() + shift);
    profile.rows = column.rows;
    return { name, rows: profile.rows, profile };
  };
  const reference = side('a', 0);
  const verdict = (shift: number) =>
    compareProfiles(reference, side('b', shift), { rule: { kind: 'default' }, windowsPerDay: 1 }).verdict;
  expect([verdict(0), verdict(0.5)]).toEqual(['ok', 'drift']);
});

test('a profile of the first format still reads', () => {
  const [profile, second] = [1, 2].map((format) =>
    decodeProfile(readFileSync(new URL(`../fixtures/profile-${format}.profile`, import.meta.url))),
  );
  expect(exactParts(second)).toEqual(exactParts(profile));
  expect(profile.rows).toBe(3);
  expect([...profile.columns.keys()]).toEqual(['amount', 'code', 'city']);
  expect(profile.columns.get('amount')).toMatchObject({ rows: 3, missing: 1, mean: 2.5 });
});
