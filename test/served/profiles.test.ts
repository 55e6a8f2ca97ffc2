import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { forEachRegister } from '../../src/features/aggregate/registers.ts';
import {
  bool,
  decimal,
  defineProject,
  featureService,
  float,
  int,
  lookup,
  nullable,
  text,
} from '../../src/features/define/declare.ts';
import {
  addNumber,
  addText,
  type ColumnSketch,
  createColumnSketch,
} from '../../src/monitoring/profile/column-sketch.ts';
import { edgeBins, type FrozenBins, valueBins } from '../../src/monitoring/profile/frozen-bins.ts';
import { kllRankError } from '../../src/monitoring/profile/kll-sketch.ts';
import { createProfile, type Profile } from '../../src/monitoring/profile/profile.ts';
import { decodeProfileRow, encodeProfileRow, readableRows } from '../../src/monitoring/served/profile-row.ts';
import { WindowMerge } from '../../src/monitoring/served/read-window.ts';
import { ServedProfiles } from '../../src/monitoring/served/served-profiles.ts';
import type { LostCounts, UnsentCounts } from '../../src/monitoring/served/unsent-counts.ts';
import type { Value } from '../../src/schema/column.ts';
import { openServedProfiles } from '../../src/site/open-profiles.ts';
import { byName } from '../models/small-project.ts';
import { runs } from '../runs.ts';

const START = Date.UTC(2026, 0, 1);

const declared = featureService('mixed', {
  request: {
    name: text(),
    amount: nullable(float()),
    code: int(),
    price: decimal(2),
    yes: nullable(bool()),
    city: nullable(text()),
  },
  join: (r) => ({ by: lookup(byName, { name: r.name }) }),
  compute: ({ amount, code, price, yes, city }) => ({ amount, code, price, yes, city }),
});
const service = { ...declared, features: declared.features.filter(({ name }) => !name.startsWith('by_')) };

const bins = new Map<string, FrozenBins>([
  ['amount', edgeBins([-1, 0, 1])],
  ['code', valueBins(['1', '2'])],
  ['price', edgeBins([5, 10])],
  ['yes', valueBins(['true', 'false'])],
  ['city', valueBins(['Ulm', 'Köln'])],
]);

type Vector = readonly [number | null, number, bigint, boolean | null, string | null];

const vectors: fc.Arbitrary<readonly Vector[]> = fc.array(
  fc.tuple(
    fc.oneof(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.constantFrom(null, 0, -0, 1e300, -1e300)),
    fc.integer({ min: 0, max: 90 }),
    fc.bigInt({ min: 0n, max: 2_000n }),
    fc.constantFrom(null, true, false),
    fc.constantFrom(null, '', 'Ulm', 'Köln', '上海', 'a', 'b'),
  ),
  { maxLength: 400 },
);

function processOf(name: string, apartFrom: number, lost: readonly LostCounts[] = []): ServedProfiles {
  const counts = { note: () => undefined, takeLost: () => lost, close: () => undefined };
  const served = new ServedProfiles({
    services: [service],
    everyMs: 60_000,
    host: 'h',
    process: name,
    clock: () => START,
    unsent: counts as unknown as UnsentCounts,
    apartFrom,
    onFault: (error) => {
      throw error;
    },
  });
  served.setBins('mixed@1', bins);
  return served;
}

/** Everything that a process hands over. */
async function payloadsOf(served: ServedProfiles, everything: boolean): Promise<readonly Uint8Array[]> {
  const payloads: Uint8Array[] = [];
  await served.handOver(everything, async (rows) => {
    payloads.push(...rows);
  });
  return payloads;
}

/** The merge of what processes hand over; the i-th vector goes to the process that `place` says. */
async function merged(
  all: readonly (readonly Value[])[],
  place: (i: number) => number,
  processes: number,
  { apart = Number.POSITIVE_INFINITY, stepMs = 1_000 } = {},
) {
  const served = Array.from({ length: processes }, (_, p) => processOf(`p${p}`, apart));
  const take = served.map((one) => one.takerOf(service));
  for (const [i, values] of all.entries()) take[place(i)]({ at: START + i * stepMs, values });
  const merging = new WindowMerge(like());
  for (const one of served) {
    for (const payload of await payloadsOf(one, true)) {
      const row = decodeProfileRow(payload);
      if (row.profile === null) merging.count(row.process, row.served, row.rows, row.begins);
      else merging.add(row.feature, row.profile);
    }
    await one.close();
  }
  return merging.result();
}

function like(): Profile {
  const profile = createProfile();
  for (const [name, own] of bins)
    profile.columns.set(name, createColumnSketch(name === 'yes' || name === 'city' ? 'text' : 'number', own));
  return profile;
}

/** One value after the other: the definition. */
function oneByOne(all: readonly Vector[]): Profile {
  const profile = like();
  profile.rows = all.length;
  const of = (name: string) => profile.columns.get(name) as ColumnSketch;
  for (const [amount, code, price, yes, city] of all) {
    addNumber(of('amount'), amount);
    addNumber(of('code'), code);
    addNumber(of('price'), Number(price) / 100);
    addText(of('yes'), yes === null ? null : String(yes));
    addText(of('city'), city);
  }
  return profile;
}

function exactParts({ columns }: Profile): unknown {
  return [...columns].map(([name, column]) => {
    const registers: string[] = [];
    forEachRegister(column.registers, (bucket, rho) => registers.push(`${bucket}:${rho}`));
    const { rows, missing, infinite, whole, kll, counts, frequent } = column;
    return {
      name,
      counts: [rows, missing, infinite, whole, kll?.n, kll?.min, kll?.max],
      registers: new Set(registers),
      bins: [...(counts ?? [])],
      frequent: frequent === null ? null : Object.fromEntries(frequent.counts),
    };
  });
}

const near = (a: number, b: number, scale = 1) => Math.abs(a - b) <= 1e-9 * Math.max(scale, Math.abs(a), Math.abs(b));

/** The largest number of a column: sums of huge numbers that cancel are exact only to its last digits. */
const largestOf = ({ kll }: ColumnSketch) => (kll === null || kll.n === 0 ? 0 : Math.max(1, -kll.min, kll.max));

test('profiles of several processes merge to that of one over all vectors: counts, bins and registers are equal', async () => {
  await fc.assert(
    fc.asyncProperty(vectors, fc.integer({ min: 1, max: 5 }), async (all, processes) => {
      const window = await merged(all, (i) => (i * 7) % processes, processes);
      const whole = oneByOne(all);
      if (all.length === 0) return;
      expect(exactParts(window.profile)).toEqual(exactParts(whole));
      expect([window.served, window.profiled, window.estimated]).toEqual([all.length, all.length, []]);
      for (const [name, column] of whole.columns) {
        const own = window.profile.columns.get(name);
        const largest = largestOf(column);
        expect(near(own?.mean ?? 0, column.mean, largest)).toBe(true);
        // The squares of huge numbers overflow: the order decides whether rounding is a deviation.
        if (Number.isFinite(largest * largest)) expect(near(own?.squares ?? 0, column.squares)).toBe(true);
      }
    }),
    { numRuns: runs(12, 200) },
  );
});

test('a thread profiles as the loop does', async () => {
  const random = seededRandom(9);
  const all = Array.from(
    { length: 3_000 },
    (_, i): Vector => [randomNormal(random), i % 70, BigInt(i), i % 3 === 0, `c${i % 9}`],
  );
  const window = await merged(all, () => 0, 1, { apart: 0 });
  expect(exactParts(window.profile)).toEqual(exactParts(oneByOne(all)));
  expect(window.served).toBe(3_000);
});

test('quantiles of a merge of many processes stay within their rank error: errors do not add up', async () => {
  const random = seededRandom(4);
  const values = Array.from({ length: runs(40_000, 120_000) }, () => randomNormal(random));
  const { profile } = await merged(
    values.map((value): Vector => [value, 1, 1n, null, null]),
    (i) => i % 32,
    32,
    { stepMs: 2 },
  );
  const kll = profile.columns.get('amount')?.kll;
  const sorted = Float64Array.from(values).sort();
  const items = (kll?.levels ?? []).flatMap((level, h) => level.map((value) => [value, 2 ** h] as const));
  items.sort(([a], [b]) => a - b);
  let upTo = 0;
  let worst = 0;
  let at = 0;
  for (const [value, weight] of items) {
    while (at < sorted.length && sorted[at] <= value) at += 1;
    upTo += weight;
    worst = Math.max(worst, Math.abs(upTo - at) / sorted.length);
  }
  expect(upTo).toBe(values.length);
  // At every rank at once: the constant of DataSketches for both sides.
  expect(worst).toBeLessThan(2.446 / 256 ** 0.9433);
});

test('counts over the bins of another reference are estimates, and the window names their features', async () => {
  const values = Array.from({ length: 5_000 }, (_, i): Vector => [i / 5_000, i, 1n, null, null]);
  const served = processOf('p', Number.POSITIVE_INFINITY);
  const take = served.takerOf(service);
  for (const [i, one] of values.entries()) take({ at: START + i, values: one });
  const other = like();
  other.columns.set('amount', createColumnSketch('number', edgeBins([0.25, 0.5])));
  const merging = new WindowMerge(other);
  for (const payload of await payloadsOf(served, true)) {
    const row = decodeProfileRow(payload);
    if (row.profile !== null) merging.add(row.feature, row.profile);
  }
  const { profile, estimated } = merging.result();
  expect(estimated).toEqual(['amount']);
  const counts = profile.columns.get('amount')?.counts ?? [];
  [0.25, 0.25, 0.5, 0].forEach((share, bin) => {
    expect(Math.abs(counts[bin] / 5_000 - share)).toBeLessThan(2 * kllRankError(256));
  });
});

test('rows of intervals that are over leave, others stay; a vector of an interval that has left opens it again', async () => {
  let now = START;
  const served = new ServedProfiles({
    services: [service],
    everyMs: 60_000,
    host: 'h',
    process: 'p',
    clock: () => now,
    unsent: { note: () => undefined, takeLost: () => [], close: () => undefined } as unknown as UnsentCounts,
    onFault: (error) => {
      throw error;
    },
  });
  const take = served.takerOf(service);
  const vector = (at: number) => take({ at, values: [1, 2, 3n, true, 'x'] });
  const begins = async (everything: boolean) =>
    (await payloadsOf(served, everything))
      .map(decodeProfileRow)
      .filter(({ feature }) => feature === '')
      .map((row) => [(row.begins - START) / 60_000, row.served]);
  vector(START + 1);
  vector(START + 59_999);
  expect(await begins(false)).toEqual([]);
  now = START + 60_000;
  vector(now);
  expect(await begins(false)).toEqual([[0, 2]]);
  vector(START + 5);
  expect(await begins(false)).toEqual([]);
  expect(await begins(true)).toEqual([
    [1, 1],
    [0, 1],
  ]);
  // More intervals than are kept open: the oldest leave, and none is lost.
  for (let i = 0; i < 40; i += 1) vector(START - i * 60_000);
  expect((await begins(true)).length).toBe(40);
});

test.for([
  ['on the loop', Number.POSITIVE_INFINITY],
  ['in a thread', 0],
] as const)(
  'however many intervals wait, rows leave a few megabytes at once, and every vector is in a row or counted as dropped: %s',
  async ([, apartFrom]) => {
    const served = processOf('p', apartFrom);
    const take = served.takerOf(service);
    const intervals = 30_000;
    for (let i = 0; i < intervals; i += 1) take({ at: START + i * 60_000, values: [i, i % 90, 3n, true, `city ${i}`] });
    const counted = { served: 0, profiled: 0, largest: 0, calls: 0 };
    await served.handOver(true, async (rows) => {
      counted.calls += 1;
      counted.largest = Math.max(
        counted.largest,
        rows.reduce((sum, row) => sum + row.length, 0),
      );
      for (const row of rows.map(decodeProfileRow)) {
        counted.served += row.served;
        if (row.feature === '') counted.profiled += row.rows;
      }
    });
    await served.close();
    expect(counted.served).toBe(intervals);
    expect(counted.profiled).toBe(intervals - (served.counts[0]?.unprofiled ?? 0));
    expect(served.counts[0]?.unprofiled).toBeGreaterThan(0);
    expect(counted.calls).toBeGreaterThan(4);
    expect(counted.largest).toBeLessThan(2 * 2 ** 20);
  },
);

test('a row reads as it was written, in its first format too, and truncated bytes are refused', () => {
  const row = {
    service: 'shop@1',
    host: 'h',
    process: 'p',
    begins: START,
    ends: START + 60_000,
    feature: 'city',
    served: 0,
    rows: 3,
    texts: ['Ulm', 'Köln'],
    profile: Uint8Array.of(1, 2, 3),
  };
  const bytes = encodeProfileRow(row);
  expect(decodeProfileRow(bytes)).toEqual(row);
  const fixture = Uint8Array.from(readFileSync(new URL('./formats/profile-row-1', import.meta.url)));
  expect(decodeProfileRow(fixture)).toEqual(row);
  for (let length = 0; length < bytes.length; length += 1)
    expect(() => decodeProfileRow(bytes.subarray(0, length))).toThrow();
});

test('a repeatable process has the same profiles twice, whatever its name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-repeatable-'));
  const project = defineProject('profiled', { mixed: declared });
  const rowsOf = async (name: string) => {
    const environment = resolveEnvironment('local', { directory: join(folder, name) }, project.name);
    mkdirSync(environment.directory, { recursive: true });
    const faults: unknown[] = [];
    const onFault = (error: unknown) => faults.push(error);
    const served = openServedProfiles(project, environment, { clock: () => START, repeatable: true, onFault });
    const random = seededRandom(3);
    const take = served?.takerOf(declared) ?? (() => undefined);
    // More than a process profiles on its own loop otherwise.
    for (let i = 0; i < 24_000; i += 1) {
      const own = [randomNormal(random), i % 90, BigInt(i % 2_000), i % 2 === 0, `city ${i % 500}`];
      take({
        at: START + (i % 60_000),
        values: declared.features.map(({ name: of }) => own[NAMES.indexOf(of)] ?? null),
      });
    }
    const rows = served === null ? [] : await payloadsOf(served, true);
    await served?.close();
    expect(faults).toEqual([]);
    return rows.map((row) => Buffer.from(row).toString('base64'));
  };
  try {
    const first = await rowsOf('first');
    expect(first.length).toBeGreaterThan(NAMES.length);
    expect(await rowsOf('second')).toEqual(first);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const NAMES = ['amount', 'code', 'price', 'yes', 'city'];

const ABSURD = [2 ** 53 - 1, 2 ** 53 - 120_000, -(2 ** 53) + 1, 8.64e15, Number.NaN, Number.POSITIVE_INFINITY];

test.each(ABSURD)('a vector as of %d costs its own profile, and no other vector of its interval', async (at) => {
  for (const apart of [0, Number.POSITIVE_INFINITY]) {
    const served = processOf('p', apart);
    const take = served.takerOf(service);
    const all = Array.from({ length: 40 }, (_, i): Vector => [i, i, BigInt(i), true, 'Ulm']);
    for (const [i, values] of all.entries()) {
      take({ at: START + i, values });
      if (i % 8 === 0) take({ at, values });
    }
    const rows = (await payloadsOf(served, true)).map(decodeProfileRow);
    const counts = rows.filter(({ feature }) => feature === '');
    const sum = (of: 'served' | 'rows') => counts.reduce((all, row) => all + row[of], 0);
    expect([sum('served'), sum('rows')]).toEqual([45, 40]);
    expect(served.counts[0]).toMatchObject({ served: 45, unprofiled: 5 });
    await served.close();
  }
});

test('counts of a dead process with an absurd instant, and a row that cannot be read, take no other row with them', async () => {
  const lost = { host: 'h', process: 'dead', counts: [{ service: 'mixed@1', at: 2 ** 53 - 1, vectors: 7 }] };
  const served = processOf('p', Number.POSITIVE_INFINITY, [lost]);
  served.takerOf(service)({ at: START, values: [1, 1, 1n, true, null] });
  const rows = await payloadsOf(served, true);
  expect(rows.map(decodeProfileRow).filter(({ process }) => process === 'dead')).toMatchObject([
    { served: 7, rows: 0 },
  ]);
  await served.close();
  const bad = encodeProfileRow({ ...decodeProfileRow(rows[0]), begins: 2 ** 53, ends: 2 ** 53 + 60_000 });
  const faults: unknown[] = [];
  expect(readableRows([...rows, bad, ...rows], (error) => faults.push(error))).toEqual([...rows, ...rows]);
  expect(faults).toHaveLength(1);
});
