import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { hourOfWeek } from '../../src/monitoring/detect/seasonal-counts.ts';
import { compareToReference, type ToReference } from '../../src/monitoring/monitor/compare-to-reference.ts';
import { windowOf } from '../../src/monitoring/monitor/judge-windows.ts';
import {
  buildReference,
  decodeReference,
  encodeReference,
  type Reference,
} from '../../src/monitoring/monitor/reference.ts';
import { addNumber, addText, createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { createProfile } from '../../src/monitoring/profile/profile.ts';
import type { ColumnValues, TableFile } from '../../src/ports/table-file.ts';

const HOUR_MS = 3_600_000;
/** More runs elsewhere: HEADRACE_DRIFT_RUNS=20. */
const RUNS = Number(process.env['HEADRACE_DRIFT_RUNS'] ?? 2);
const SEED = Number(process.env['HEADRACE_SEED'] ?? 20_260_101);

/** What the value of an hour is like: its level, and the share of its missing values and of its texts. */
interface World {
  readonly levels: Float64Array;
  readonly missing: Float64Array;
  readonly share: Float64Array;
}

/** A season of the week: every hour has its own level within k standard deviations. */
function worldOf(random: Random, k: number): World {
  const hours = (of: () => number) => Float64Array.from({ length: 168 }, of);
  return {
    levels: hours(() => k * (2 * random() - 1)),
    missing: hours(() => (k > 1 ? 0.3 * random() : 0)),
    share: hours(() => 0.1 + 0.8 * random()),
  };
}

interface Row {
  readonly at: number;
  readonly x: number;
  readonly kind: string;
}

function rowOf(random: Random, at: number, { levels, missing, share }: World, shift = 0): Row {
  const hour = hourOfWeek(at);
  return {
    at,
    x: random() < missing[hour] ? Number.NaN : levels[hour] + shift + randomNormal(random),
    kind: random() < share[hour] ? 'a' : 'b',
  };
}

function rowsOf(random: Random, world: World, hours: number, each: number): readonly Row[] {
  return Array.from({ length: hours * each }, (_, i) => rowOf(random, (i * HOUR_MS) / each, world));
}

function tableOf(rows: readonly Row[]): TableFile {
  const columns = { x: Float64Array.from(rows, ({ x }) => x), kind: rows.map(({ kind }) => kind) };
  const at = Float64Array.from(rows, (row) => row.at);
  const all = new Map<string, ColumnValues>(Object.entries({ ...columns, at }));
  const valuesOf = (name: string): ColumnValues => all.get(name) ?? [];
  return {
    path: 'rows',
    rows: rows.length,
    columns: [
      { name: 'x', type: 'number', declared: '' },
      { name: 'kind', type: 'text', declared: '' },
    ],
    column: async (name) => valuesOf(name),
    async *batches(names) {
      yield names.map(valuesOf);
    },
    vectors: async () => ({ missing: 0, sample: [] }),
    missingTogether: async () => 0,
    close: async () => undefined,
  };
}

const referenceOf = (rows: readonly Row[]) =>
  buildReference(tableOf(rows), ['x', 'kind'], { time: 'at', createdAt: 0 });

function compared(reference: Reference, rows: readonly Row[], rule = 'default'): ToReference {
  const profile = createProfile();
  const [x, kind] = ['x', 'kind'].map((name) => reference.chunks[0].columns.get(name)?.bins ?? null);
  const sketches = { x: createColumnSketch('number', x), kind: createColumnSketch('text', kind) };
  profile.columns.set('x', sketches.x);
  profile.columns.set('kind', sketches.kind);
  const hours = new Float64Array(168);
  for (const row of rows) {
    addNumber(sketches.x, row.x);
    addText(sketches.kind, row.kind);
    hours[hourOfWeek(row.at)] += 1;
  }
  profile.rows = rows.length;
  return compareToReference(
    { ...reference, name: 'reference' },
    { name: 'window', profile, hours },
    { rule, windowMs: HOUR_MS, k: 2, of: 3 },
  );
}

/** Windows of an hour each after four weeks of reference. */
function hoursOf(random: Random, world: World, hours: readonly number[], each: number, shift = 0) {
  return hours.map((hour) =>
    Array.from({ length: each }, (_, i) => rowOf(random, (672 + hour) * HOUR_MS + (i * HOUR_MS) / each, world, shift)),
  );
}

const someHours = Array.from({ length: 12 }, (_, i) => i * 14 + 3);

describe('windows are compared with the same hours of the reference', () => {
  test('a season of any size never alarms, and a shift off the season does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.double({ min: 0, max: 6, noNaN: true }),
        fc.integer({ min: 300, max: 900 }),
        async (seed, k, each) => {
          const random = seededRandom(seed);
          const world = worldOf(random, k);
          const reference = await referenceOf(rowsOf(random, world, 672, 120));
          for (const rows of hoursOf(random, world, someHours, each)) {
            const { comparison, unmatched } = compared(reference, rows);
            expect([comparison.verdict, comparison.features.map(({ reason }) => reason)]).toEqual([
              'ok',
              expect.anything(),
            ]);
            expect([unmatched, comparison.season?.of]).toEqual([null, 'week']);
          }
          // One standard deviation beyond the hour's own level.
          const shifted = hoursOf(random, world, someHours, each, 1);
          const found = shifted.filter((rows) => compared(reference, rows).comparison.verdict !== 'ok').length;
          expect(found).toBe(shifted.length);
        },
      ),
      { numRuns: 2 * RUNS, seed: SEED },
    );
  });

  test('the level of another hour is drift, although the reference has it', async () => {
    const random = seededRandom(SEED);
    const levels = Float64Array.from({ length: 168 }, (_, hour) => (hour % 24 < 6 ? 4 : 0));
    const even = new Float64Array(168).fill(0.5);
    const world = { levels, missing: new Float64Array(168), share: even };
    const reference = await referenceOf(rowsOf(random, world, 672, 60));
    const [night, day] = [hoursOf(random, world, [2], 400)[0], hoursOf(random, world, [12], 400)[0]];
    expect(compared(reference, night).comparison.verdict).toBe('ok');
    // Rows of a night that come by day.
    const wrong = night.map((row) => ({ ...row, at: row.at + 10 * HOUR_MS }));
    expect(compared(reference, wrong).comparison.features.find(({ state }) => state === 'drift')?.name).toBe('x');
    // A day of all hours, and rules that know no seasons.
    const whole = Array.from({ length: 24 }, (_, hour) => hoursOf(random, world, [hour], 60)[0]).flat();
    expect(compared(reference, whole).comparison.verdict).toBe('ok');
    expect(compared(reference, day, 'psi>0.2')).toMatchObject({ comparison: { season: null }, unmatched: null });
    expect(compared(reference, night, 'psi>0.2').comparison.verdict).toBe('drift');
  });

  test('values that are missing by season are no fault; where none was missing in any hour they are', async () => {
    const random = seededRandom(SEED);
    const levels = new Float64Array(168);
    const share = new Float64Array(168).fill(0.5);
    const missing = Float64Array.from({ length: 168 }, (_, hour) => (hour % 24 < 6 ? 0.5 : 0.01));
    const world = { levels, missing, share };
    const reference = await referenceOf(rowsOf(random, world, 672, 60));
    const [night] = hoursOf(random, world, [2], 400);
    expect(compared(reference, night).comparison.verdict).toBe('ok');
    const wrong = night.map((row) => ({ ...row, at: row.at + 10 * HOUR_MS }));
    expect(compared(reference, wrong).comparison.faults.map(({ kind }) => kind)).toEqual(['missing']);
  });

  test('two weeks give hours of the week, two days hours of the day; otherwise all hours are compared, and the window says so', async () => {
    const random = seededRandom(SEED);
    const world = worldOf(random, 3);
    const [rows] = hoursOf(random, world, [5], 400);
    const seasonOf = async (hours: number, each: number) => {
      const { comparison, unmatched } = compared(await referenceOf(rowsOf(random, world, hours, each)), rows);
      return [comparison.season?.of ?? null, unmatched];
    };
    expect(await seasonOf(336, 160)).toEqual(['week', null]);
    expect(await seasonOf(335, 90)).toEqual(['day', null]);
    expect(await seasonOf(48, 160)).toEqual(['day', null]);
    expect(await seasonOf(40, 160)).toEqual([null, 'the reference has no counts by hour']);
    // A finding that the calendar may explain names it.
    const calm = worldOf(random, 0);
    const [moved] = hoursOf(random, calm, [5], 400, 2);
    const { comparison, unmatched } = compared(await referenceOf(rowsOf(random, calm, 20, 160)), moved);
    const window = windowOf({ from: 0, to: HOUR_MS }, comparison, unmatched);
    expect(window).toMatchObject({ state: 'drift', season: { of: 'none' } });
    expect(window.reason).toContain('(against all hours: the reference has no counts by hour)');
    expect(await seasonOf(48, 20)).toEqual([
      null,
      expect.stringMatching(/has \d+ rows of the same hours, 310 are needed/),
    ]);
  });
});

describe('a reference with counts by hour', () => {
  test('reads as it was written, and truncated bytes are refused', async () => {
    const random = seededRandom(SEED);
    const reference = await referenceOf(rowsOf(random, worldOf(random, 2), 60, 4));
    const bytes = encodeReference(reference);
    const read = decodeReference(bytes);
    expect(read.seasonal).toEqual(reference.seasonal);
    expect(encodeReference(read)).toEqual(bytes);
    expect(reference.seasonal?.cells.reduce((sum, { rows }) => sum + rows, 0)).toBe(240);
    for (let cut = 1; cut < 40; cut += 1)
      expect(() => decodeReference(bytes.subarray(0, bytes.length - cut * 7))).toThrow();
  });

  test('of the first format has none, and one of the second has them', () => {
    const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
    expect(decodeReference(fixture('reference-1.reference')).seasonal).toBeNull();
    const { seasonal } = decodeReference(fixture('reference-2-hours.reference'));
    expect(seasonal?.cells.length).toBeGreaterThan(0);
    expect([...(seasonal?.columns.keys() ?? [])]).toEqual(['x', 'kind']);
  });
});
