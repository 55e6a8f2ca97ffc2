import { describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { calibrate } from '../../src/monitoring/detect/calibrate.ts';
import { sideOfValues } from '../../src/monitoring/detect/column-side.ts';
import { type ComparedColumn, compareColumn } from '../../src/monitoring/detect/compare-column.ts';
import { expectedFalseAlarms, type FeatureSize, parseDriftRule } from '../../src/monitoring/detect/drift-rule.ts';
import { judgeFeatures } from '../../src/monitoring/detect/judge-features.ts';
import { quietChance } from '../../src/monitoring/detect/quiet-chance.ts';
import { populationStabilityIndex } from '../../src/stats/population-stability-index.ts';

/** More runs elsewhere: HEADRACE_DRIFT_RUNS=200 for the table of the notes. */
const RUNS = Number(process.env['HEADRACE_DRIFT_RUNS'] ?? 2);
const SEED = Number(process.env['HEADRACE_SEED'] ?? 20_260_101);

interface Cell {
  readonly n: number;
  /** Autocorrelation of the feature from row to row. */
  readonly rho: number;
  /** Weekend shift, in deviations; windows are days. */
  readonly season: number;
}

/** Days of a feature: AR(1) of unit variance, and a weekly season. */
function days(random: () => number, count: number, { n, rho, season }: Cell): Float64Array[] {
  let last = randomNormal(random);
  return Array.from({ length: count }, (_, day) =>
    Float64Array.from({ length: n }, () => {
      last = rho * last + Math.sqrt(1 - rho * rho) * randomNormal(random);
      return last + (day % 7 >= 5 ? season : 0);
    }),
  );
}

const joined = (parts: readonly Float64Array[]) => {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

function column(reference: Float64Array, window: Float64Array, name = 'x'): ComparedColumn {
  return compareColumn(name, sideOfValues(reference), sideOfValues(window), {
    calibrate: (bins) => calibrate(reference, bins, window.length, { chance: quietChance(1, null) }),
  });
}

const drifts = (columns: readonly ComparedColumn[], rule: string) =>
  judgeFeatures(columns, parseDriftRule(rule)).filter(({ state }) => state === 'drift').length;

describe('the price of the usual rules is within 10 % of a simulation', () => {
  /** The simulation's own error stands next to: three standard errors. */
  const expectPrice = (rule: string, alarms: number, runs: number, size: FeatureSize) => {
    const expected = expectedFalseAlarms(parseDriftRule(rule), [size], 24)?.perDay ?? 0;
    const simulated = (24 * alarms) / runs;
    const slack = 0.1 * simulated + 3 * 24 * Math.sqrt(((alarms / runs) * (1 - alarms / runs)) / runs);
    expect({ rule, ...size, expected, simulated, within: Math.abs(expected - simulated) <= slack }).toMatchObject({
      within: true,
    });
  };

  test.each([
    { above: 0.2, current: 60, reference: 60, bins: 10 },
    { above: 0.2, current: 60, reference: 5000, bins: 10 },
    { above: 0.2, current: 100, reference: 100, bins: 10 },
    { above: 0.2, current: 100, reference: 100, bins: 5 },
    { above: 0.2, current: 100, reference: 5000, bins: 10 },
    { above: 0.1, current: 100, reference: 5000, bins: 10 },
    { above: 0.1, current: 200, reference: 200, bins: 10 },
    { above: 0.1, current: 300, reference: 300, bins: 10 },
  ])('psi>$above at $current rows against $reference, $bins bins', ({ above, ...size }) => {
    const random = seededRandom(SEED);
    const runs = 2000 * RUNS;
    const counts = (rows: number) => {
      const drawn = new Float64Array(size.bins);
      for (let i = 0; i < rows; i += 1) drawn[Math.floor(random() * size.bins)] += 1;
      return drawn;
    };
    // A frozen reference of many rows hardly moves: it is drawn again every ten windows.
    let reference = counts(size.reference);
    let alarms = 0;
    for (let run = 0; run < runs; run += 1) {
      if (size.reference < 1000 || run % 10 === 0) reference = counts(size.reference);
      alarms += (populationStabilityIndex(reference, counts(size.current))?.psi ?? 0) > above ? 1 : 0;
    }
    expectPrice(`psi>${above}`, alarms, runs, size);
  });

  test.each([
    { below: 0.05, current: 400, reference: 400 },
    { below: 0.05, current: 300, reference: 1500 },
    { below: 0.2, current: 300, reference: 300 },
  ])('ks<$below at $current rows against $reference', ({ below, ...size }) => {
    const random = seededRandom(SEED);
    const runs = 250 * RUNS;
    let alarms = 0;
    for (let run = 0; run < runs; run += 1) {
      const [a] = days(random, 1, { n: size.reference, rho: 0, season: 0 });
      const [b] = days(random, 1, { n: size.current, rho: 0, season: 0 });
      const plain = compareColumn('x', sideOfValues(a), sideOfValues(b), { calibrate: () => null });
      alarms += drifts([plain], `ks<${below}`);
    }
    expectPrice(`ks<${below}`, alarms, runs, { ...size, bins: 10 });
  });
});

test('the default alarms in at most 5 % of quiet windows, whatever size, dependence and season', {
  timeout: 600_000,
}, () => {
  const random = seededRandom(SEED);
  const table: string[] = [];
  for (const n of RUNS < 10 ? [300] : [300, 1000])
    for (const rho of [0, 0.9])
      for (const season of [0, 0.3]) {
        const counts = { default: 0, 'psi>0.2': 0, 'ks<0.05': 0 };
        let windows = 0;
        for (let run = 0; run < RUNS; run += 1) {
          const all = days(random, 28 + 7, { n, rho, season });
          const reference = joined(all.slice(0, 28));
          for (const window of all.slice(28)) {
            const compared = [column(reference, window)];
            windows += 1;
            for (const rule of ['default', 'psi>0.2', 'ks<0.05'] as const) counts[rule] += drifts(compared, rule);
          }
        }
        const share = (rule: keyof typeof counts) => `${((100 * counts[rule]) / windows).toFixed(1)} %`;
        table.push(
          `n ${n} ρ ${rho} season ${season}: default ${share('default')} · psi>0.2 ${share('psi>0.2')} · ks<0.05 ${share('ks<0.05')}`,
        );
        // A quiet rule may be at 5 % by chance: three standard errors above it.
        expect({ n, rho, season, ok: counts.default / windows <= 0.05 + 3 * Math.sqrt(0.0475 / windows) }).toEqual({
          n,
          rho,
          season,
          ok: true,
        });
      }
  if (RUNS >= 50) console.log([`seed ${SEED}, ${RUNS} runs a cell`, ...table].join('\n'));
});

test('half a deviation in one of 100 features is found within three windows', { timeout: 600_000 }, () => {
  const random = seededRandom(SEED);
  for (let run = 0; run < Math.max(1, Math.floor(RUNS / 4)); run += 1) {
    const features = Array.from({ length: 100 }, (_, f) => ({
      f,
      reference: joined(days(random, 6, { n: 1000, rho: 0, season: 0 })),
    }));
    let found = 0;
    for (let window = 0; window < 3; window += 1) {
      const compared = features.map(({ f, reference }) => {
        const [now] = days(random, 1, { n: 1000, rho: 0, season: 0 });
        return column(reference, f === 7 ? now.map((value) => value + 0.5) : now, `f${f}`);
      });
      const flagged = judgeFeatures(compared, { kind: 'default' })
        .filter(({ state }) => state === 'drift')
        .map(({ name }) => name);
      if (flagged.includes('f7')) found += 1;
      expect(flagged.filter((name) => name !== 'f7')).toEqual([]);
    }
    expect(found).toBeGreaterThanOrEqual(2);
  }
});
