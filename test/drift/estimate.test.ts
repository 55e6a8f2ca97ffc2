import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import type { Command } from '../../src/cli/command.ts';
import { driftEstimate } from '../../src/cli/commands/drift-estimate.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { drawAudit } from '../../src/monitoring/estimate/audit-sample.ts';
import { fitAverageThreshold } from '../../src/monitoring/estimate/average-threshold.ts';
import { calibrateScores } from '../../src/monitoring/estimate/calibrate-scores.ts';
import { fitClassEstimate, realisedClasses } from '../../src/monitoring/estimate/confidence-based-classes.ts';
import { fitDirectLoss, lossOf } from '../../src/monitoring/estimate/direct-loss.ts';
import type { EstimateReport } from '../../src/monitoring/estimate/estimate-files.ts';
import { fitEstimate } from '../../src/monitoring/estimate/fit-estimate.ts';
import { coverageAfter, labelCoverage, maturityOf } from '../../src/monitoring/estimate/label-coverage.ts';
import type { LabelReport } from '../../src/monitoring/estimate/label-files.ts';
import { trustInEstimate } from '../../src/monitoring/estimate/trust-in-estimate.ts';
import { driftJson, driftPath, driftText, sharedDrift } from '../stats/shared-drift.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-estimate-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function answer<T>(command: Command, ...args: readonly string[]): Promise<T> {
  const lines: string[] = [];
  const terminal = {
    out: (text: string) => lines.push(text),
    err: () => undefined,
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  await command.run(parseCall(command, [...args, '--json'], terminal));
  return JSON.parse(lines.join('\n')) as T;
}

interface Known {
  readonly thresholds: Record<'roc_auc' | 'f1' | 'accuracy', { lower: number; upper: number }>;
  readonly reference_realized: Record<'roc_auc' | 'f1' | 'accuracy', number[]>;
  readonly isotonic_X: number[];
  readonly isotonic_y: number[];
  readonly needs_calibration: { result: boolean; ece_raw: number; ece_cal: number };
  readonly chunks: (Record<string, number> & Record<`alert_${string}`, boolean>)[];
}

describe.skipIf(!sharedDrift)('the loans of NannyML', () => {
  const [reference, monitoring] = ['reference', 'monitoring'].map((name) => `nannyml/car_loan_${name}.csv.gz`);
  const names = { auc: 'roc_auc', f1: 'f1', accuracy: 'accuracy' } as const;

  test('every estimate, realised value, limit and alert of CBPE is its own, to 1e-10', async () => {
    const known = driftJson<Known>('nannyml/car_loan_cbpe_expected.json');
    const report = await answer<EstimateReport>(
      driftEstimate,
      driftPath(reference),
      driftPath(monitoring),
      ...['--score', 'y_pred_proba', '--prediction', 'y_pred', '--label', 'repaid'],
    );
    expect(report.calibrated).toBe(known.needs_calibration.result);
    expect(report.calibrationError?.raw).toBeCloseTo(known.needs_calibration.ece_raw, 2);
    expect(report.calibrationError?.calibrated).toBeLessThan(0.01);
    expect(report.windows.length).toBe(10);
    for (const [ours, theirs] of Object.entries(names) as [keyof typeof names, (typeof names)[keyof typeof names]][]) {
      expect(report.limits[ours]?.lower).toBeCloseTo(known.thresholds[theirs].lower, 10);
      expect(report.limits[ours]?.upper).toBeCloseTo(known.thresholds[theirs].upper, 10);
      report.windows.forEach((window, i) => {
        const chunk = known.chunks[i];
        expect(window.estimated[ours]).toBeCloseTo(chunk[theirs], 10);
        expect(window.realised?.[ours]).toBeCloseTo(chunk[`realized_${theirs}`], 10);
        expect(window.alerts[ours] === 'below').toBe(chunk[`alert_${theirs}`]);
      });
    }
    report.windows.forEach((window, i) => {
      expect(window.confusion.tp).toBeCloseTo(known.chunks[i]['TP'], 6);
      expect(window.estimated.specificity).toBeCloseTo(known.chunks[i]['specificity'], 10);
      // The other estimate is rougher, and the inputs of the second half moved.
      expect(Math.abs((window.thresholdAccuracy ?? 0) - (window.estimated.accuracy ?? 0))).toBeLessThan(0.05);
      expect((window.domainAuc ?? 0) > 0.7).toBe(i >= 5);
      expect(window.trust.state).toBe('estimate');
    });
  });

  test('the curve of calibration has the same knots', () => {
    const known = driftJson<Known>('nannyml/car_loan_cbpe_expected.json');
    const [head, ...lines] = driftText(reference).trim().split('\n');
    const at = (name: string) => head.trim().split(',').indexOf(name);
    const of = (name: string) => Float64Array.from(lines, (line) => Number(line.split(',')[at(name)]));
    const { curve } = calibrateScores(of('y_pred_proba'), of('repaid'), 1);
    expect(curve?.x.length).toBe(77);
    known.isotonic_X.forEach((x, i) => {
      expect([curve?.x[i], curve?.y[i]].map((value) => value?.toFixed(12))).toEqual([
        x.toFixed(12),
        known.isotonic_y[i].toFixed(12),
      ]);
    });
  });
});

test('several classes: estimates meet the realised values where scores are right after calibration', () => {
  const random = seededRandom(21);
  const rows = (n: number, hard: number) => {
    const scores = [0, 1, 2].map(() => new Float64Array(n));
    const labels = new Int32Array(n);
    for (let i = 0; i < n; i += 1) {
      const raw = [0, 1, 2].map(() => Math.exp(randomNormal(random) * (random() < hard ? 0.3 : 2)));
      const sum = raw.reduce((total, one) => total + one, 0);
      let left = random();
      labels[i] = raw.findIndex((one) => {
        left -= one / sum;
        return left < 0;
      });
      if (labels[i] < 0) labels[i] = 2;
      // Overconfident by a power, which calibration takes back.
      const power = raw.map((one) => one ** 1.6);
      const total = power.reduce((one, other) => one + other, 0);
      scores.forEach((one, c) => {
        one[i] = power[c] / total;
      });
    }
    return { scores, labels };
  };
  const estimate = fitClassEstimate(rows(20_000, 0.2), 3);
  for (const hard of [0.2, 0.8]) {
    const window = rows(10_000, hard);
    const [ours, truth] = [estimate(window), realisedClasses(window)];
    expect(Math.abs((ours.accuracy ?? 0) - (truth?.accuracy ?? 1))).toBeLessThan(0.02);
    expect(Math.abs((ours.auc ?? 0) - (truth?.auc ?? 1))).toBeLessThan(0.02);
  }
});

test('the loss of a regression is estimated within 5 % when its inputs move', () => {
  const random = seededRandom(5);
  const rows = (n: number, shift: number) => {
    const codes = [new Uint8Array(n), new Uint8Array(n)];
    const [predictions, labels] = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0; i < n; i += 1) {
      const x = Math.min(0.999, random() ** (1 / (1 + shift)));
      codes[0][i] = Math.floor(x * 30);
      codes[1][i] = Math.floor(random() * 10);
      predictions[i] = 10 * x;
      labels[i] = 10 * x + randomNormal(random) * (0.5 + 3 * x * x);
    }
    return { rows: { columns: codes, ordered: [true, true] }, predictions, labels };
  };
  const reference = rows(20_000, 0);
  for (const loss of ['absolute', 'squared'] as const) {
    const losses = reference.labels.map((label, i) => lossOf(loss, reference.predictions[i], label));
    const estimate = fitDirectLoss(reference.rows, losses, loss);
    for (const shift of [0, 1, 2.5]) {
      const window = rows(10_000, shift);
      const mean =
        window.labels.reduce((sum, label, i) => sum + lossOf(loss, window.predictions[i], label), 0) / 10_000;
      const truth = loss === 'squared' ? Math.sqrt(mean) : mean;
      expect(Math.abs((estimate(window.rows, 10_000) ?? 0) / truth - 1)).toBeLessThan(0.05);
    }
  }
});

/** Hours of bike sharing, predicted by the mean of hour and working day over the first 5,000 rows, as the yardstick script does. */
function bikeHours(): readonly Readonly<Record<string, number>>[] {
  const [head, ...lines] = driftText('bike_sharing/hour.csv.gz').trim().split(/\r?\n/);
  const names = head.split(',');
  const rows = lines.map((line): Record<string, number> => {
    const cells = line.split(',');
    const day = Number(cells[names.indexOf('dteday')].slice(-2));
    return { ...Object.fromEntries(names.map((name, i) => [name, Number(cells[i])])), day };
  });
  const key = ({ hr, workingday }: Record<string, number>) => `${hr}/${workingday}`;
  const means = new Map(
    [...Map.groupBy(rows.slice(0, 5000), key)].map(([name, own]) => [
      name,
      own.reduce((sum, { cnt }) => sum + cnt, 0) / own.length,
    ]),
  );
  return rows.slice(5000).map((row) => ({ ...row, predicted: means.get(key(row)) ?? Number.NaN }));
}

test.skipIf(!sharedDrift)('direct loss estimation gives the losses of NannyML, and of the labels, within 5 %', () => {
  const golden = JSON.parse(readFileSync(new URL('../golden/drift/direct-loss.json', import.meta.url), 'utf8'));
  const hours = bikeHours();
  const features = ['hr', 'workingday', 'weekday', 'temp', 'hum', 'windspeed', 'weathersit'];
  const of = (rows: typeof hours) => ({
    features: new Map(features.map((name) => [name, Float64Array.from(rows, (row) => row[name])])),
    scores: Float64Array.from(rows, ({ predicted }) => predicted),
    labels: Float64Array.from(rows, ({ cnt }) => cnt),
  });
  const fitted = fitEstimate('regression', of(hours.filter(({ day }) => day % 2 === 0)), 500);
  const odd = hours.filter(({ day }) => day % 2 === 1);
  const windows: Readonly<Record<string, typeof hours>> = {
    cold: odd.filter(({ temp }) => temp < 0.4),
    mild: odd.filter(({ temp }) => temp >= 0.4 && temp < 0.7),
    warm: odd.filter(({ temp }) => temp >= 0.7),
    rush: odd.filter(({ hr }) => [8, 17, 18].includes(hr)),
    night: odd.filter(({ hr }) => hr < 6),
  };
  const whole = fitted.estimate(of(odd));
  for (const [name, rows] of Object.entries(windows)) {
    const theirs = golden.windows[name];
    expect(rows.length).toBe(theirs.rows);
    const ours = fitted.estimate(of(rows));
    for (const metric of ['mae', 'rmse']) {
      const realised = theirs[`realised_${metric}`];
      // The losses of nights are a seventh of the others': both estimates are off as a share of them (theirs by 17 %), not of those.
      const scale = name === 'night' ? whole[metric] : null;
      for (const known of name === 'night' ? [realised] : [theirs[metric], realised])
        expect(Math.abs((ours[metric] ?? 0) - known), `${name} ${metric}`).toBeLessThan(0.05 * (scale ?? known));
    }
  }
});

test("average thresholded confidence meets the reference's own error, ties counted in part", () => {
  const share = fc.array(fc.tuple(fc.constantFrom(0.5, 0.6, 0.7, 0.9, 1), fc.constantFrom(0, 0, 1)), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(share, (rows) => {
      const confidences = rows.map(([confidence]) => confidence);
      const wrong = rows.map(([, one]) => one);
      const estimate = fitAverageThreshold(confidences, wrong);
      expect(estimate?.(confidences)).toBeCloseTo(wrong.reduce((sum: number, one) => sum + one, 0) / rows.length, 10);
      expect(estimate?.([])).toBeNull();
    }),
  );
  expect(fitAverageThreshold([], [])).toBeNull();
});

test('an estimate gives way to "cannot tell" outside the reference, and after a long shift without labels', () => {
  const base = { calibrationRows: 5000, outsideShare: 0.01, domainAuc: 0.6, lastLabelAgeMs: 0, lookBackMs: 90 };
  expect(trustInEstimate(base)).toEqual({ state: 'estimate', reasons: [] });
  for (const change of [
    { calibrationRows: 10 },
    { outsideShare: 0.3 },
    { domainAuc: 0.99 },
    { domainAuc: 0.85, lastLabelAgeMs: 200 },
    { domainAuc: 0.85, lastLabelAgeMs: null },
  ])
    expect({ change, state: trustInEstimate({ ...base, ...change }).state }).toEqual({ change, state: 'cannotTell' });
  expect(trustInEstimate({ ...base, domainAuc: 0.85, lastLabelAgeMs: 100 }).state).toBe('estimate');
});

test('Kaplan–Meier: young predictions count for as long as they were watched', () => {
  // Kaplan and Meier 1958, by hand: two of four labelled at 1; one leaves at 2; one of one at 3.
  const steps = labelCoverage([
    { delayMs: 1, ageMs: 9 },
    { delayMs: 1, ageMs: 9 },
    { delayMs: null, ageMs: 2 },
    { delayMs: 3, ageMs: 9 },
  ]);
  expect(steps).toEqual([
    { afterMs: 1, coverage: 0.5 },
    { afterMs: 3, coverage: 1 },
  ]);
  expect([coverageAfter(steps, 0), coverageAfter(steps, 2), coverageAfter([], 5)]).toEqual([0, 0.5, 0]);
  expect(maturityOf(steps, 2, 9, 0.8)).toEqual({ state: 'immature', share: 0.5 });
  expect(maturityOf(steps, 3, 9, 0.8)).toEqual({ state: 'mature', share: 1 });
  expect(maturityOf([], 3, 9, 0.8)).toEqual({ state: 'immature', share: 0 });
  // Without censoring the curve is the plain share, whatever the delays.
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1 }), (delays) => {
      const all = labelCoverage(delays.map((delayMs) => ({ delayMs, ageMs: 100 })));
      for (const at of [0, 7, 30])
        expect(coverageAfter(all, at)).toBeCloseTo(delays.filter((delay) => delay <= at).length / delays.length, 10);
    }),
  );
});

test('the same seed draws the same ids for an audit', () => {
  const ids = Array.from({ length: 500 }, (_, i) => `p-${i}`);
  const drawn = drawAudit(ids, 50, 7);
  expect(drawAudit([...ids].reverse(), 50, 7)).toEqual(drawn);
  expect(new Set(drawn).size).toBe(50);
  expect(drawAudit(ids, 50, 8)).not.toEqual(drawn);
});

test.skipIf(!sharedDrift)(
  'hotel bookings: coverage and class shares by delay, and the warning about early labels',
  async () => {
    const [head, ...lines] = driftText('hotel_bookings/hotel_bookings.csv.gz').trim().split('\n');
    const at = (name: string) => head.trim().split(',').indexOf(name);
    const months = [
      'January',
      'February',
      'March',
      'April',
      'May',
      'June',
      'July',
      'August',
      'September',
      'October',
      'November',
      'December',
    ];
    const rows = lines.map((line) => {
      const cells = line.trim().split(',');
      const arrival = Date.UTC(
        Number(cells[at('arrival_date_year')]),
        months.indexOf(cells[at('arrival_date_month')]),
        Number(cells[at('arrival_date_day_of_month')]),
      );
      const booked = new Date(arrival - Number(cells[at('lead_time')]) * 86_400_000).toISOString().slice(0, 10);
      return `${booked},${cells[at('reservation_status_date')]},${cells[at('is_canceled')]}`;
    });
    const path = join(folder, 'bookings.csv');
    writeFileSync(path, `predicted_at,labelled_at,label\n${rows.join('\n')}\n`);
    const report = await answer<LabelReport>(driftEstimate, '--of=labels', path, '--now', '2020-01-01');
    const { label_coverage: known } = driftJson<{
      label_coverage: { within_days: number; labelled: number; coverage: number; cancel_rate_of_labelled: number }[];
    }>('hotel_bookings/expected.json');
    for (const one of known) {
      const step = report.coverage.find(({ afterDays }) => afterDays === one.within_days);
      const early = report.earlyLabels.find(({ withinDays }) => withinDays === one.within_days);
      expect(step?.coverage).toBeCloseTo(one.coverage, 6);
      expect(early?.labelled).toBe(one.labelled);
      expect(early?.positiveShare).toBeCloseTo(one.cancel_rate_of_labelled, 6);
    }
    expect(report.early).toBe(0);
    expect(report.warnings.join()).toContain('depends on the label');
  },
);

test('bad labels, scores and options are errors by code', async () => {
  const write = (name: string, rows: readonly string[]) => {
    writeFileSync(join(folder, name), `score,label\n${rows.join('\n')}\n`);
    return join(folder, name);
  };
  const good = write('good.csv', ['0.1,0', '0.9,1', '0.3,0']);
  const codeOf = async (...args: readonly string[]) => {
    try {
      await answer(driftEstimate, ...args);
      return null;
    } catch (error) {
      return isHeadraceError(error) ? error.code : String(error);
    }
  };
  expect(await codeOf(write('two.csv', ['0.1,2', '0.2,0']), good)).toBe('DRIFT_LABEL');
  expect(await codeOf(write('none.csv', ['0.1,', '0.2,0']), good)).toBe('DRIFT_LABEL');
  expect(await codeOf(good, write('high.csv', ['1.1,0', '0.2,0']))).toBe('DRIFT_LABEL');
  expect(await codeOf(good, good, '--score', 'nothing')).toBe('DRIFT_COLUMN');
  expect(await codeOf(good, good, '--threshold', '7')).toBe('CLI_VALUE');
  expect(await codeOf(good, good)).toBeNull();
});
