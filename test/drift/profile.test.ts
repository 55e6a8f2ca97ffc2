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
import { createKll, kllRankError } from '../../src/monitoring/profile/kll-sketch.ts';
import { createProfile, mergeProfile, type Profile } from '../../src/monitoring/profile/profile.ts';
import { decodeProfile, encodeProfile } from '../../src/monitoring/profile/profile-bytes.ts';
import { profileTableFile } from '../../src/monitoring/profile/profile-table.ts';
import type { ColumnValues, TableFile } from '../../src/ports/table-file.ts';

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

test('a file in parts of any size has the profile of its rows one by one, over the bins of another', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 120 }), fc.constantFrom(1, 40), async (some, size, times) => {
      const all = Array.from({ length: times }, () => some).flat();
      const whole = profileOf(all);
      const found = await profileTableFile(tableOf(all, size), profileOf([]));
      expect(exactParts(found)).toEqual(exactParts(whole));
      for (const [name, column] of whole.columns) {
        const other = found.columns.get(name);
        expect(near(column.mean, other?.mean ?? Number.NaN)).toBe(true);
        expect(near(column.squares, other?.squares ?? Number.NaN)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('quantiles of a large file are within the error of its sketch', async () => {
  const random = seededRandom(4);
  const all = Array.from({ length: 50_000 }, () => ({ amount: random() ** 3, code: null, city: null }));
  const { columns } = await profileTableFile(tableOf(all, 2_048));
  const sketch = columns.get('amount')?.kll ?? createKll(256);
  const sorted = all.map(({ amount }) => amount).sort((a, b) => a - b);
  const weights = sketch.levels.flatMap((items, h) => items.map((value) => [value, 2 ** h] as const));
  for (const share of [0.01, 0.25, 0.5, 0.75, 0.99]) {
    const at = sorted[Math.floor(share * sorted.length)];
    const below = weights.reduce((sum, [value, weight]) => sum + (value < at ? weight : 0), 0);
    expect(Math.abs(below / all.length - share)).toBeLessThan(kllRankError(256));
  }
});

/** Rows as a file whose batches have `size` rows. */
function tableOf(all: readonly Row[], size: number): TableFile {
  const column = (name: string): ColumnValues =>
    name === 'city'
      ? all.map(({ city }) => city)
      : Float64Array.from(all, (row) => (name === 'amount' ? row.amount : row.code) ?? Number.NaN);
  return {
    path: 'rows',
    rows: all.length,
    columns: [
      { name: 'amount', type: 'number', declared: 'DOUBLE' },
      { name: 'code', type: 'number', declared: 'DOUBLE' },
      { name: 'city', type: 'text', declared: 'VARCHAR' },
    ],
    column: async (name) => column(name),
    async *batches(names) {
      const whole = names.map(column);
      for (let from = 0; from < all.length; from += size) yield whole.map((one) => one.slice(from, from + size));
    },
    vectors: async () => ({ missing: 0, sample: [] }),
    missingTogether: async () => 0,
    close: async () => undefined,
  };
}

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
