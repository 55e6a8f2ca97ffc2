import { expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { calibrate } from '../../src/monitoring/detect/calibrate.ts';
import { sideOfValues } from '../../src/monitoring/detect/column-side.ts';
import { type ComparedColumn, compareColumn } from '../../src/monitoring/detect/compare-column.ts';
import { expectedFalseAlarms, parseDriftRule } from '../../src/monitoring/detect/drift-rule.ts';
import { judgeFeatures } from '../../src/monitoring/detect/judge-features.ts';
import { quietChance } from '../../src/monitoring/detect/quiet-chance.ts';

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

test('the price of the usual rules: the chance by formula is within 10 percentage points of a simulation', () => {
  const random = seededRandom(SEED);
  const runs = 100 * RUNS;
  for (const { rule, n } of [
    { rule: 'psi>0.2', n: 60 },
    { rule: 'psi>0.1', n: 150 },
    { rule: 'ks<0.05', n: 400 },
  ]) {
    let alarms = 0;
    for (let run = 0; run < runs; run += 1) {
      const [a, b] = days(random, 2, { n, rho: 0, season: 0 });
      const plain = compareColumn('x', sideOfValues(a), sideOfValues(b), { calibrate: () => null });
      alarms += drifts([plain], rule);
    }
    const expected =
      expectedFalseAlarms(parseDriftRule(rule), [{ reference: n, current: n, bins: 10 }], 1)?.perWindow ?? 0;
    // Three standard errors of the simulation, or 10 percentage points, whichever is more.
    const slack = Math.max(0.1, 3 * Math.sqrt((expected * (1 - expected)) / runs));
    expect({ rule, off: Math.abs(alarms / runs - expected) < slack }).toEqual({ rule, off: true });
  }
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
