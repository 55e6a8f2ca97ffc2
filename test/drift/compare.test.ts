import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { driftCompare } from '../../src/cli/commands/drift-compare.ts';
import { driftProfile } from '../../src/cli/commands/drift-profile.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { runCli } from '../cli/run-cli.ts';
import { embeddedReport } from '../report/embedded-report.ts';
import { isDeep } from '../runs.ts';
import { driftPath, driftText, off, sharedDrift } from '../stats/shared-drift.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-drift-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Feature {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly reason: string;
  readonly outlier: number | null;
  readonly rootCauseShare: number | null;
  readonly effect: { readonly psi: number; readonly debiasedPsi: number; readonly wasserstein: number | null } | null;
  readonly evidence: { readonly statistic: number; readonly p: number; readonly sign: number | null } | null;
  readonly values: { readonly unseenShare: number; readonly expectedUnseenShare: number } | null;
  readonly bins: { readonly reference: readonly number[]; readonly current: readonly number[] };
}

interface Report {
  readonly verdict: string;
  readonly faults: readonly {
    readonly kind: string;
    readonly columns: readonly string[];
    readonly text: string;
    readonly rows: number;
  }[];
  readonly features: readonly Feature[];
  readonly domainAuc: number;
  readonly falseAlarms: readonly {
    readonly rule: string;
    readonly flagged: number;
    readonly perDay: number;
    readonly perQuarter: number;
  }[];
  readonly slices: readonly {
    readonly value: string;
    readonly state: string;
    readonly drifted: readonly { readonly name: string }[];
  }[];
}

/** As the command line runs it, its own process. */
async function compareByCli(...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await runCli(folder, ['drift', 'compare', ...args, '--json']);
  expect(err).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out) as Report;
}

/** The same command within the tests' process: starting one costs more than the work. */
async function compare(...args: readonly string[]): Promise<Report> {
  const lines: string[] = [];
  const terminal = {
    out: (text: string) => lines.push(text),
    err: () => undefined,
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  await driftCompare.run(parseCall(driftCompare, [...args, '--json'], terminal));
  return JSON.parse(lines.join('\n')) as Report;
}

const silent = {
  out: () => undefined,
  err: () => undefined,
  interactive: false,
  stopped: new Promise<void>(() => undefined),
};

/** The code of the error that a call ends with. */
async function codeOf(...args: readonly string[]): Promise<string | null> {
  try {
    await compare(...args);
    return null;
  } catch (error) {
    return isHeadraceError(error) ? error.code : String(error);
  }
}

const featureOf = (report: Report, name: string): Feature => {
  const found = report.features.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no feature ${name}`);
  return found;
};

/** A CSV of rows; null is an empty cell. */
function csv(name: string, rows: readonly Readonly<Record<string, string | number | null>>[]): string {
  const heads = Object.keys(rows[0]);
  const path = join(folder, name);
  writeFileSync(
    path,
    `${heads.join(',')}\n${rows.map((row) => heads.map((head) => row[head] ?? '').join(',')).join('\n')}\n`,
  );
  return path;
}

type Row = Record<string, string | number | null>;

function orders(seed: number, n: number, change: (row: Row, i: number) => Row = (row) => row): Row[] {
  const random = seededRandom(seed);
  const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)];
  return Array.from({ length: n }, (_, i) =>
    change(
      {
        id: `order-${seed}-${i}`,
        minutes: Math.exp(randomNormal(random) * 0.5 + 3),
        amount: randomNormal(random) * 10 + 100,
        rating: pick([1, 2, 3, 4, 5]),
        city: pick(['Hamburg', 'München', 'Berlin', 'Dresden']),
        device: pick(['ios', 'android', 'web']),
        word: `w${Math.floor(random() ** 4 * 3000)}`,
      },
      i,
    ),
  );
}

test('two samples of one population are ok, whatever their size, and codes are no quantities', async () => {
  const reference = csv('a.csv', orders(1, 6000));
  for (const [seed, n] of [
    [2, 400],
    [3, 6000],
  ]) {
    const report = await compare(reference, csv(`b${n}.csv`, orders(seed, n)));
    expect(report).toMatchObject({ verdict: 'ok', faults: [] });
    expect(report.features.map(({ name, kind }) => `${name}:${kind}`).sort()).toEqual([
      'amount:number',
      'city:category',
      'device:category',
      'id:identifier',
      'minutes:number',
      'rating:category',
      'word:manyValues',
    ]);
    expect(Math.abs(report.domainAuc - 0.5)).toBeLessThan(0.06);
  }
  const small = await compare(reference, csv('tiny.csv', orders(4, 100)));
  expect(small.verdict).toBe('insufficient');
});

test.each([
  ['a single row', 1, false],
  ['rows of a new value beside the known one', 200, false],
  ['rows in place of the known value', 200, true],
] as const)('an unseen text near a known one is a misspelling by evidence: %s', async (_, rows, isFault) => {
  const countries = ['Slovenia', 'Portugal', 'Finland', 'Norway'];
  const row = (i: number, country: string | undefined) => ({ id: `r${i}`, country: country ?? '' });
  const before = Array.from({ length: 4000 }, (__, i) => row(i, countries[i % 4]));
  const now = Array.from({ length: 4000 }, (__, i) => {
    const known = countries[i % 4];
    // In place of the known value, or of the others.
    const isOther = isFault ? known === 'Slovenia' : known !== 'Slovenia';
    return row(i, isOther && i % 4 < 2 && Math.floor(i / 4) < rows ? 'Slovakia' : known);
  });
  const report = await compare(
    csv(`spelt-${rows}-${isFault}.csv`, before),
    csv(`spelt-now-${rows}-${isFault}.csv`, now),
  );
  expect(report.faults.map(({ kind }) => kind)).toEqual(isFault ? ['spelling'] : []);
});

test('faults of the data come before drift: missing together, unit, spelling, sign, type, columns', async () => {
  const reference = csv('a2.csv', orders(1, 4000));
  const current = csv(
    'faulty.csv',
    orders(5, 4000, (row, i) => {
      const { device, amount, ...rest } = row;
      const gone = i % 20 === 0;
      return {
        ...rest,
        minutes: Number(row['minutes']) * 60,
        amount: gone ? null : i % 100 === 1 ? -5 : amount,
        rating: gone ? null : row['rating'],
        city: i % 10 === 3 ? 'hamburg' : row['city'],
        extra: 1,
      };
    }),
  );
  const report = await compare(reference, current);
  expect(report.verdict).toBe('fault');
  const kinds = report.faults.map(({ kind, columns }) => `${kind} ${columns.join('+')}`).sort();
  expect(kinds).toEqual([
    'column device',
    'column extra',
    'missing amount+rating',
    'repeated amount',
    'spelling city',
    'unit minutes',
  ]);
  expect(report.faults.find(({ kind }) => kind === 'missing')?.rows).toBe(200);
  // The missing values are reported once, and are not drift as well.
  expect([featureOf(report, 'amount').state, featureOf(report, 'rating').state]).toEqual(['ok', 'ok']);
});

type Form = (date: Date, i: number) => string | null;

/** Rows with an instant, written as `form` writes it. DuckDB takes a third of the time for the types of a CSV of more than 2,048 rows. */
const dated = (seed: number, form: Form) =>
  orders(seed, 2_100, (row, i) => ({ ...row, ordered: form(new Date(Date.UTC(2026, 0, 1) + i * 3_600_000), i) }));

const iso = (date: Date) => date.toISOString().slice(0, 19).replace('T', ' ');
const german = (date: Date) => `${date.getUTCDate()}.${date.getUTCMonth() + 1}.${date.getUTCFullYear()} 12:00 Uhr`;

/** A name, how both files write their dates, and the faults that are found. */
const DATES: readonly (readonly [string, Form, Form, readonly string[]])[] = [
  ['dates of another month', iso, iso, []],
  [
    'dates that are missing in 60 % of rows',
    iso,
    (date: Date, i: number) => (i % 5 < 3 ? null : iso(date)),
    ['missing ordered'],
  ],
  [
    'texts for half of the dates',
    iso,
    (date: Date, i: number) => (i % 2 === 0 ? 'unknown' : iso(date)),
    ['format ordered'],
  ],
  ['dates written otherwise', iso, german, ['format ordered']],
  ['text dates as before', german, german, []],
  ['text dates in ISO 8601', german, iso, ['format ordered']],
];

const filesOf = ([name, before, now]: (typeof DATES)[number]) =>
  [csv(`dates-a-${name}.csv`, dated(1, before)), csv(`dates-b-${name}.csv`, dated(2, now))] as const;

test.each(DATES)('%s: faults of dates', async (...one) => {
  const report = await compare(...filesOf(one));
  expect(report.faults.map(({ kind, columns }) => `${kind} ${columns.join('+')}`)).toEqual(one[3]);
  expect(report.features.map(({ name }) => name)).not.toContain('ordered');
});

test.each([DATES[0], DATES[2]])('%s: the column can be left out, whatever is in it', async (...one) => {
  const files = filesOf(one);
  expect((await compare(...files, '--ignore', 'ordered')).faults).toEqual([]);
  expect((await compare(...files, '--features', 'amount,city')).features.map(({ name }) => name).sort()).toEqual([
    'amount',
    'city',
  ]);
});

test('a column of one file only can be left out; one of neither is refused', async () => {
  const plain = csv('one-a.csv', orders(1, 600));
  const more = csv(
    'one-b.csv',
    orders(2, 600, (row) => ({ ...row, extra: 1 })),
  );
  expect((await compare(plain, more)).faults).toHaveLength(1);
  for (const files of [
    [plain, more],
    [more, plain],
  ] as const)
    expect((await compare(...files, '--ignore', 'extra')).faults).toEqual([]);
  await expect(compare(plain, more, '--ignore', 'none')).rejects.toMatchObject({ code: 'DRIFT_COLUMN' });
});

test('a feature that moves as far as its reference does is inconclusive', async () => {
  // Levels of the reference change each 500 rows; the current rows have one of their own.
  const stepped = (level: (i: number) => number) =>
    orders(3, 4000, (row, i) => ({ ...row, amount: Number(row['amount']) + 40 * level(i) }));
  const reference = csv(
    'stepped-a.csv',
    stepped((i) => Math.floor(i / 500) % 4),
  );
  const current = csv('stepped-b.csv', stepped(() => 0).slice(0, 500));
  const report = await compare(reference, current);
  expect(featureOf(report, 'amount')).toMatchObject({
    state: 'inconclusive',
    reason: expect.stringContaining('itself moves'),
  });
  expect(report.verdict).toBe('inconclusive');
});

test('a shift is found with its size, sign and share of the root cause; a slice is named', async () => {
  const reference = csv('a3.csv', orders(1, 6000));
  const moved = csv(
    'moved.csv',
    orders(6, 4000, (row) => ({ ...row, amount: Number(row['amount']) + 6 })),
  );
  const report = await compare(reference, moved);
  expect(report.verdict).toBe('drift');
  expect(report.features.filter(({ state }) => state === 'drift').map(({ name }) => name)).toEqual(['amount']);
  expect(featureOf(report, 'amount').effect?.wasserstein).toBeCloseTo(0.6, 1);
  expect(featureOf(report, 'amount').evidence?.sign).toBe(1);
  expect(featureOf(report, 'amount').rootCauseShare).toBeGreaterThan(0.8);
  // Rows that look alike have no cause, whatever noise a classifier learned.
  const alike = await compare(reference, csv('alike.csv', orders(7, 4000)));
  expect(alike.features.map(({ rootCauseShare }) => rootCauseShare)).toEqual(alike.features.map(() => null));
  const web = csv(
    'web.csv',
    orders(7, 6000, (row) => (row['device'] === 'web' ? { ...row, amount: Number(row['amount']) - 6 } : row)),
  );
  const sliced = await compare(reference, web, '--slice', 'device');
  expect(sliced.slices.map(({ value, state }) => `${value} ${state}`).sort()).toEqual([
    'android ok',
    'ios ok',
    'web drift',
  ]);
  expect(sliced.slices.find(({ value }) => value === 'web')?.drifted.map(({ name }) => name)).toEqual(['amount']);
});

test('the rules that people ask for are there, and their cost stands next to every verdict', async () => {
  const reference = csv('a4.csv', orders(1, 1000));
  const current = csv('b4.csv', orders(8, 100));
  const report = await compare(reference, current, '--rule', 'psi>0.2', '--windows-per-day', '24');
  const [psi, ks] = report.falseAlarms;
  expect([psi.rule, ks.rule]).toEqual(['psi>0.2', 'ks<0.05']);
  // Six features with a test, 24 windows a day.
  expect(ks.perDay).toBeCloseTo(6 * 24 * 0.05, 10);
  expect(ks.perQuarter).toBeCloseTo(ks.perDay * 91.3125, 8);
  expect(psi.flagged).toBe(report.features.filter(({ state }) => state === 'drift').length);
  for (const rule of ['psi<0.2', 'ks>0.05', 'kl>1', 'psi>', 'ks<1']) {
    expect({ rule, code: await codeOf(reference, current, '--rule', rule) }).toEqual({ rule, code: 'CLI_VALUE' });
  }
});

test('Parquet, CSV and profiles of the same rows agree, and so does the page', async () => {
  const rows = orders(1, 3000);
  const other = orders(9, 3000, (row) => ({ ...row, amount: Number(row['amount']) + 8 }));
  const [a, b] = [csv('a5.csv', rows), csv('b5.csv', other)];
  const plain = await compareByCli(a, b, '--html', join(folder, 'page.html'));
  const page = JSON.parse(embeddedReport(readFileSync(join(folder, 'page.html'), 'utf8')).json);
  expect(page.features).toEqual(JSON.parse(JSON.stringify(plain.features)));
  for (const [path, out] of [
    [a, 'a5.profile'],
    [b, 'b5.profile'],
  ])
    await driftProfile.run(parseCall(driftProfile, [path, join(folder, out)], silent));
  const profiled = await compare(join(folder, 'a5.profile'), join(folder, 'b5.profile'));
  expect(profiled.verdict).toBe(plain.verdict);
  for (const { name, effect, state } of plain.features) {
    const same = featureOf(profiled, name);
    expect({ name, state: same.state }).toEqual({ name, state });
    expect(Math.abs((same.effect?.psi ?? 0) - (effect?.psi ?? 0))).toBeLessThan(name === 'word' ? 0.1 : 0.02);
  }
});

test('a profile leaves out a column of times, which differs between any two months', async () => {
  for (const month of ['01', '02']) {
    const at = (i: number) => `2026-${month}-${String(1 + (i % 28)).padStart(2, '0')} 10:00:00`;
    const rows = csv(
      `${month}.csv`,
      orders(Number(month), 1000, (row, i) => ({ ...row, at: at(i) })),
    );
    await driftProfile.run(parseCall(driftProfile, [rows, join(folder, `${month}.profile`)], silent));
  }
  const report = await compare(join(folder, '01.profile'), join(folder, '02.profile'));
  expect(report.verdict).toBe('ok');
  expect(report.features.map(({ name }) => name)).not.toContain('at');
});

test('bad input is an error by code', async () => {
  const a = csv('ok.csv', orders(1, 50));
  writeFileSync(join(folder, 'noise.parquet'), 'no parquet');
  writeFileSync(join(folder, 'noise.profile'), 'no profile');
  expect(await codeOf(a, 'absent.csv')).toBe('DRIFT_FILE');
  expect(await codeOf(a, join(folder, 'noise.parquet'))).toBe('DRIFT_FILE');
  expect(await codeOf(a, join(folder, 'noise.profile'))).toBe('DRIFT_PROFILE');
  expect(await codeOf(a, a, '--slice', 'nothing')).toBe('DRIFT_COLUMN');
  expect(await codeOf(a, a, '--ignore', 'nothing')).toBe('DRIFT_COLUMN');
});

test('constant, empty, tied, huge and infinite columns get a defined output', async () => {
  const odd = (seed: number): Row[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 800 }, (_, i) => ({
      constant: 7,
      empty: null,
      tied: i % 3 === 0 ? 1 : 2,
      huge: randomNormal(random) * 1e300,
      tiny: randomNormal(random) * 1e-310,
      infinite: i % 50 === 0 ? 'Infinity' : randomNormal(random),
      number: i,
    }));
  };
  const report = await compare(csv('odd-a.csv', odd(1)), csv('odd-b.csv', odd(2)));
  expect(JSON.stringify(report)).not.toMatch(/NaN/);
  expect(report.features.map(({ state }) => state)).not.toContain('drift');
  expect(featureOf(report, 'empty').state).toBe('insufficient');
});

describe.skipIf(!sharedDrift)('taxis of New York, dated events', () => {
  const months = (year: string, from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) =>
      driftPath(`taxi/yellow_tripdata_sample_${year}-${String(from + i).padStart(2, '0')}.csv.gz`),
    ).join(',');
  const reference = months('2018', 1, 6);
  interface Known {
    readonly features: Record<string, { readonly months: Record<string, Record<string, number>> }>;
  }

  const against = (name: string, season: string): Promise<Report> => {
    const [year, at] = name.split('-');
    const current = months(year, Number(at), Number(at));
    return compare(reference, current, '--time', 'pickup_datetime', '--season', season);
  };

  /** The known answers are those of all hours. */
  async function month(name: string): Promise<Report> {
    const report = await against(name, 'none');
    const known = JSON.parse(driftText('taxi/expected.json.gz')) as Known;
    for (const [feature, { months: by }] of Object.entries(known.features)) {
      const ours = featureOf(report, feature);
      const theirs = by[name];
      if (theirs['ks_d'] !== undefined && ours.kind === 'number') {
        expect(off(ours.evidence?.statistic ?? 0, theirs['ks_d'])).toBeLessThan(1e-10);
        expect(off(ours.effect?.wasserstein ?? 0, theirs['w1_over_sd'])).toBeLessThan(1e-4);
      }
    }
    return report;
  }
  const drifted = (report: Report) => report.features.filter(({ state }) => state === 'drift').map(({ name }) => name);

  test('2018-08: one fare of 429,490 is an outlier, and nothing drifted', async () => {
    const report = await month('2018-08');
    expect([report.verdict, drifted(report)]).toEqual(['ok', []]);
    expect(featureOf(report, 'fare_amount').outlier).toBe(429_490.2);
    // The usual rule flags more than half of the features.
    expect(report.falseAlarms.find(({ rule }) => rule === 'ks<0.05')?.flagged).toBeGreaterThan(7);
  });

  test('2019-02: tips and the month of passengers; distance stays quiet', async () => {
    const report = await month('2019-02');
    for (const one of [report, await against('2019-02', 'auto')]) {
      expect(drifted(one)).toEqual(expect.arrayContaining(['tip_amount', 'passenger_count']));
      expect(featureOf(one, 'trip_distance').state).toBe('ok');
    }
    expect(report.faults.map(({ columns, kind }) => `${kind} ${columns.join()}`)).toContain(
      'column congestion_surcharge',
    );
  });

  // In the gate made rows have values that are missing together, above.
  if (isDeep)
    test('2019-07: values that went missing together are one incident', async () => {
      const report = await month('2019-07');
      const [fault] = report.faults.filter(({ kind }) => kind === 'missing');
      expect(fault).toMatchObject({ rows: 59 });
      expect(fault.columns).toEqual(
        expect.arrayContaining(['vendor_id', 'passenger_count', 'rate_code_id', 'payment_type']),
      );
      expect(drifted(report)).not.toContain('passenger_count');
    });
});
