import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BudgetSeries } from '../../src/observe/budget-series.ts';
import { DurationHistogram } from '../../src/observe/duration-histogram.ts';
import { durationText } from '../../src/observe/duration-text.ts';
import { figuresOf, mergeReports, parseReport, type SloReport, seriesOf } from '../../src/observe/slo-report.ts';
import { sloText } from '../../src/observe/slo-text.ts';

const MINUTE_MS = 60_000;

const anyDuration = fc.oneof(
  fc.double({ min: 0.0001, max: 10, noNaN: true }),
  fc.double({ min: 0.0001, max: 8e9, noNaN: true }),
);

function histogramOf(durations: readonly number[]): DurationHistogram {
  const histogram = new DurationHistogram();
  for (const ms of durations) histogram.add(ms);
  return histogram;
}

test('a percentile is within 0.8 % and a nanosecond of the sorted durations’, at every size', () => {
  fc.assert(
    fc.property(
      fc.array(anyDuration, { minLength: 1, maxLength: 200, size: 'max' }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (all, share) => {
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * all.length)) - 1];
        const found = histogramOf(all).percentile(share) ?? Number.NaN;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.008 + 1e-6);
      },
    ),
  );
});

test('histograms that are merged, and one that is made of another’s counts, are that of all durations', () => {
  fc.assert(
    fc.property(fc.array(anyDuration), fc.array(anyDuration), (a, b) => {
      const whole = histogramOf([...a, ...b]);
      const merged = histogramOf(a);
      merged.merge(histogramOf(b));
      expect(merged.counts()).toEqual(whole.counts());
      const copied = new DurationHistogram();
      copied.addCounts(whole.counts(), whole.sumMs);
      expect(copied.counts()).toEqual(whole.counts());
      expect(copied.count).toBe(a.length + b.length);
    }),
  );
});

test('buckets of a scrape grow with their bounds and hold what is below them', () => {
  const histogram = histogramOf([0.02, 0.5, 3, 40, 5_000]);
  expect(histogram.within([0.01, 0.1, 1, 10, 100, 10_000])).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a duration beyond every bin and one of a clock that was set back are counted at the ends', () => {
  const histogram = histogramOf([-5, 1e300]);
  expect(histogram.count).toBe(2);
  expect(histogram.percentile(0.5)).toBe(0);
  expect(histogram.percentile(1)).toBeGreaterThan(8.9e9);
});

test('a burn rate is the share beyond the budget over the hundredth that may be, by window', () => {
  const series = new BudgetSeries(10);
  // An hour ago all was well (five of its fifteen minutes are in a slot of the last hour); in the last five minutes one of ten was slow.
  for (let i = 0; i < 900; i += 1) series.observe(5, i * 1_000);
  const now = 75 * MINUTE_MS;
  for (let i = 0; i < 100; i += 1) series.observe(i % 10 === 0 ? 50 : 5, now - 100_000 + i * 1_000);
  const figures = figuresOf(seriesOf({ of: 'service', name: 's', tier: null, measure: 'latency' }, series, now));
  expect(figures.burn.map(({ minutes }) => minutes)).toEqual([5, 60, 360]);
  expect(figures.burn[0].rate).toBeCloseTo(10);
  expect(figures.burn[2].rate).toBeCloseTo(1);
  expect(figures).toMatchObject({ met: false, count: 400 });
  expect(figures.p99Ms).toBeCloseTo(50, 0);
});

test('the last hour forgets, the sum since the start does not, whatever the gaps between observations', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60, size: 'max' }), (gaps) => {
      const series = new BudgetSeries(1);
      let minute = 3;
      const seen: number[] = [];
      for (const gap of gaps) {
        minute += gap;
        seen.push(minute);
        series.observe(2, minute * MINUTE_MS + 1);
      }
      const now = minute * MINUTE_MS + 2;
      expect(series.sinceStart(now).count).toBe(gaps.length);
      const within = (minutes: number) => seen.filter((at) => at > minute - minutes).length;
      expect(series.windows(now).map(({ total }) => total)).toEqual([within(5), within(60), within(360)]);
      // Whole slots of ten minutes: the last hour to the last seventy minutes.
      expect(series.lastHour(now).count).toBeGreaterThanOrEqual(within(60));
      expect(series.lastHour(now).count).toBeLessThanOrEqual(within(70));
    }),
  );
});

function reportOf(durations: readonly number[]): SloReport {
  const series = new BudgetSeries(10);
  for (const ms of durations) series.observe(ms, 1);
  return {
    format: 1,
    project: 'shop',
    series: [seriesOf({ of: 'view', name: 'spend@1', tier: 'batch', measure: 'latency' }, series, 2)],
  };
}

test('reports of several workers add up to that of one that saw everything, over the wire too', () => {
  const [a, b] = [
    [1, 2, 50],
    [3, 4, 60, 70],
  ];
  const wire = (report: SloReport) => parseReport(JSON.stringify(report), 'here');
  expect(mergeReports([wire(reportOf(a)), wire(reportOf(b))])).toEqual(reportOf([...a, ...b]));
});

test('reports of different projects, and what is no report, are refused', () => {
  expect(() => mergeReports([reportOf([1]), { ...reportOf([1]), project: 'other' }])).toThrow(/shop.*other/);
  const { series } = reportOf([1]);
  for (const text of [
    'hello',
    '{}',
    JSON.stringify({ format: 2, project: 'shop', series: [] }),
    JSON.stringify({ format: 1, project: 'shop', series: [{ ...series[0], counts: [5, 1, 3, 1] }] }),
    JSON.stringify({ format: 1, project: 'shop', series: [{ ...series[0], counts: [1e9, 1] }] }),
    JSON.stringify({ format: 1, project: 'shop', series: [{ ...series[0], counts: [1] }] }),
  ])
    expect(() => parseReport(text, 'here')).toThrow(/is not a report/);
});

test('the table has a line for each budget, says which is missed, and dashes where nothing was seen', () => {
  const text = sloText(reportOf([1, 2, 50]));
  expect(text).toMatch(/^view spend@1 +latency +10 ms +2(\.0\d)? ms +\S+ ms +\S+ ms +3 +33 +33 +33 +MISSED$/m);
  expect(sloText(reportOf([]))).toMatch(/^view spend@1 +latency +10 ms +– +– +– +0 +– +– +–$/m);
  expect([null, 0.0123, 12.34, 4_200, 180_000, 9e6, 2e8].map(durationText)).toEqual([
    '–',
    '12.3 µs',
    '12.3 ms',
    '4.2 s',
    '3 min',
    '2.5 h',
    '2.31 d',
  ]);
});
