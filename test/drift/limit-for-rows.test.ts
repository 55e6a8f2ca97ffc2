import { expect, test } from 'vitest';
import { falseAlarms, power } from '../../scripts/drift-alarms/simulate.ts';

const SEED = 20_261_128;
/** Windows of a cell; the table of docs/guide/drift.md has more. */
const WINDOWS = Number(process.env['HEADRACE_ALARM_WINDOWS'] ?? 12);

test.each([
  { n: 300, rho: 0, season: 0 },
  { n: 300, rho: 0.9, season: 0.3 },
])(
  'windows smaller than a chunk of the reference do not alarm when nothing drifts: $n rows, $rho, $season sd',
  (cell) => {
    const { pages } = falseAlarms(cell, WINDOWS, SEED, 25);
    expect(pages.default).toBe(0);
    // The usual rules do.
    expect(pages.evidently).toBeGreaterThan(WINDOWS / 2);
  },
);

test('a shift of half a standard deviation in one of 100 features is found within three windows', () => {
  expect(power({ n: 1000, rho: 0, season: 0 }, 0.5, 2, SEED)).toBe(2);
});
