import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { compareTables } from '../../src/monitoring/detect/compare-tables.ts';
import { matchSeason, type Season } from '../../src/monitoring/detect/season.ts';
import { openTableFile } from '../../src/site/table-files.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const folder = mkdtempSync(join(tmpdir(), 'headrace-season-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const shared = fileURLToPath(new URL('../../../shared/data/drift', import.meta.url));

describe('rows of the same hour', () => {
  const hours = (from: number, count: number, each = 1) =>
    Float64Array.from({ length: count * each }, (_, i) => from + Math.floor(i / each) * HOUR_MS);

  test('are chosen in the mix of the current rows, evenly over the reference', () => {
    const reference = hours(0, 28 * 24, 20);
    const current = Float64Array.from([
      ...hours(40 * DAY_MS + 8 * HOUR_MS, 1, 300),
      ...hours(40 * DAY_MS + 9 * HOUR_MS, 1, 100),
    ]);
    const found = matchSeason(reference, current, 'day');
    const of = Array.from(found?.rows ?? [], (row) => Math.floor(reference[row] / HOUR_MS) % 24);
    expect([found?.unmatched, new Set(of)]).toEqual([0, new Set([8, 9])]);
    expect(of.filter((hour) => hour === 8).length / of.filter((hour) => hour === 9).length).toBeCloseTo(3, 1);
    const days = new Set(Array.from(found?.rows ?? [], (row) => Math.floor(reference[row] / DAY_MS)));
    expect(days.size).toBe(28);
  });

  test('without being asked: of the week with two weeks, of the day with two days, otherwise none', () => {
    const current = hours(100 * DAY_MS, 24, 20);
    expect(matchSeason(hours(0, 21 * 24, 60), current, 'auto')?.season).toBe('week');
    expect(matchSeason(hours(0, 9 * 24, 60), current, 'auto')?.season).toBe('day');
    expect(matchSeason(hours(0, 30, 60), current, 'auto')).toBeNull();
    // Two weeks with too few rows of each hour: of the day.
    expect(matchSeason(hours(0, 21 * 24, 2), current, 'auto')?.season).toBe('day');
    expect(matchSeason(hours(0, 21 * 24, 60), current, 'none')).toBeNull();
  });

  test('missing times and no rows at all have an answer', () => {
    const none = new Float64Array(0);
    expect(matchSeason(none, none, 'auto')).toBeNull();
    expect(matchSeason(none, hours(0, 3), 'week')).toMatchObject({ unmatched: 1 });
    expect(matchSeason(Float64Array.from([Number.NaN, 0]), Float64Array.from([Number.NaN]), 'auto')).toBeNull();
  });
});

interface Row {
  readonly [column: string]: string;
}

function rowsOf(path: string): readonly Row[] {
  const raw = readFileSync(join(shared, path));
  const [head = '', ...lines] = (path.endsWith('.gz') ? gunzipSync(raw) : raw).toString().trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i], cell])));
}

async function drifted(
  reference: readonly Row[],
  current: readonly Row[],
  columns: readonly string[],
  season: Season,
): Promise<readonly string[]> {
  const write = (name: string, rows: readonly Row[]) => {
    const path = join(folder, name);
    writeFileSync(
      path,
      [
        ['when', ...columns].join(','),
        ...rows.map((row) => ['when', ...columns].map((one) => row[one]).join(',')),
      ].join('\n'),
    );
    return path;
  };
  const [a, b] = [await openTableFile(write('a.csv', reference)), await openTableFile(write('b.csv', current))];
  try {
    const options = {
      rule: { kind: 'default' },
      windowsPerDay: 1,
      slice: null,
      time: 'when',
      ignore: [],
      features: [],
      season,
    } as const;
    const { features } = await compareTables(a, b, options);
    expect(features.filter(({ state }) => state === 'insufficient')).toEqual([]);
    return features.filter(({ state }) => state === 'drift').map(({ name }) => name);
  } finally {
    await a.close();
    await b.close();
  }
}

describe.skipIf(!existsSync(join(shared, 'taxi')))('real seasons', () => {
  test('taxi: the nights of a month are like the nights before, and unlike the days', async () => {
    const months = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => `2018-${String(from + i).padStart(2, '0')}`).flatMap((month) =>
        rowsOf(`taxi/yellow_tripdata_sample_${month}.csv.gz`)
          .map((row): Row => ({ ...row, when: row['pickup_datetime'] }))
          .filter((row) => row['when'].startsWith(month)),
      );
    const nights = months(7, 8).filter((row) => Number(row['when'].slice(11, 13)) < 5);
    const columns = ['trip_distance', 'passenger_count', 'payment_type', 'rate_code_id'];
    const reference = months(1, 6);
    expect(await drifted(reference, nights, columns, 'none')).toEqual(['trip_distance']);
    expect(await drifted(reference, nights, columns, 'auto')).toEqual([]);
  }, 120_000);

  test('bikes: the rush hours of a summer are like those of the spring, and unlike all hours', async () => {
    const all = rowsOf('bike_sharing/hour.csv.gz').map(
      (row): Row => ({ ...row, when: `${row['dteday']} ${row['hr'].padStart(2, '0')}:00:00` }),
    );
    const between = (from: string, to: string) => all.filter((row) => row['when'] >= from && row['when'] < to);
    const rush = between('2012-07-01', '2012-09-01').filter((row) =>
      ['7', '8', '9', '16', '17', '18'].includes(row['hr']),
    );
    const columns = ['cnt', 'casual', 'registered', 'windspeed'];
    const reference = between('2012-04-15', '2012-07-01');
    expect(new Set(await drifted(reference, rush, columns, 'none'))).toEqual(new Set(['casual', 'cnt', 'registered']));
    expect(await drifted(reference, rush, columns, 'auto')).toEqual([]);
  }, 120_000);
});
