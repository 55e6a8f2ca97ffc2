import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { readSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';
import { traceStatistics } from '../../src/cost/spot/up-periods.ts';
import { costPath, costRows, hasCostData, recordedTrace, whySkipped } from './shared-data.ts';

const at = (name: string) => costPath(`spot_traces/${name}`);
const twinText = at('raw_inverted/2022-10-26T22-05/us-west-2a_k80_1.txt.gz');
const twinJson = at('skypilot/availability/1-node/aws-10-26-2022/us-west-2a_k80_1.json');

async function codeOf(answer: Promise<unknown>): Promise<string> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isHeadraceError(error) ? error.code : String(error);
}

describe.skipIf(!hasCostData)(`recorded spot traces${whySkipped}`, () => {
  test('up means that all instances are there: shares and periods are those of the reference', async () => {
    for (const row of costRows('spot_traces/trace_stats.csv')) {
      const { counts, gapS } = await recordedTrace(row['file'] ?? '');
      const found = traceStatistics(counts, gapS, Number(row['N']));
      const near = (value: number | null, column: string, digits: number) =>
        expect(Math.abs((value ?? Number.NaN) - Number(row[column])), `${row['file']} ${column}`).toBeLessThanOrEqual(
          0.51 * 10 ** -digits,
        );
      expect([found.gapS, found.ticks, found.upPeriods]).toEqual(
        ['gap_seconds', 'n_ticks', 'n_up_periods'].map((column) => Number(row[column])),
      );
      near(found.days, 'days', 1);
      near(found.upShare, 'frac_all_N_available', 4);
      near(found.meanUpH, 'mean_up_h', 3);
      near(found.medianUpH, 'median_up_h', 3);
      near(found.meanDownH, 'mean_down_h', 3);
      near(found.longestDownH, 'max_down_h', 2);
      near(found.allOrNoneShare, 'frac_all_or_none', 4);
      near(found.meanCount, 'mean_count', 3);
    }
  });

  test('flags with times are read inverted, and equal their twin in every tick', async () => {
    const text = await readSpotTrace(twinText);
    const json = await readSpotTrace(twinJson, { twin: text });
    expect(json.counts).toEqual(text.counts);
    expect(traceStatistics(text.counts, text.gapS, 1).upShare).toBeCloseTo(0.8927, 4);
    expect(text.gapS).toBe(600);
    for (const row of costRows('spot_traces/raw_inverted_stats.csv')) {
      const trace = await readSpotTrace(at(row['file'] ?? ''));
      const found = traceStatistics(trace.counts, trace.gapS, 1);
      expect(found.upShare).toBeCloseTo(Number(row['frac_available_after_inversion']), 4);
      expect([trace.counts.length, found.upPeriods]).toEqual([Number(row['n_ticks']), Number(row['n_up_periods'])]);
      expect(new Date(trace.startMs ?? 0).toISOString()).toBe(row['first_timestamp']);
    }
  });

  test('a meaning that is not proven, or contradicted, is rejected', async () => {
    const text = await readSpotTrace(twinText);
    expect(await codeOf(readSpotTrace(twinJson))).toBe('COST_TRACE_POLARITY');
    expect(await codeOf(readSpotTrace(twinJson, { twin: text, polarity: 'unavailable' }))).toBe('COST_TRACE_TWIN');
    expect(await codeOf(readSpotTrace(twinText, { polarity: 'available' }))).toBe('COST_TRACE_TWIN');
    const other = twinJson.replace('us-west-2a', 'us-west-2b');
    expect(await codeOf(readSpotTrace(other, { twin: text }))).toBe('COST_TRACE_TWIN');
    const gang = at('skypilot/preemption/4-node/aws-08-03-2023/us-east-1f_v100_1.json');
    expect((await readSpotTrace(gang)).evidence).toContain('up to 4');
    expect(await codeOf(readSpotTrace(gang, { polarity: 'unavailable' }))).toBe('COST_TRACE_TWIN');
  });

  test('times that go backwards are reported, and sorted only on request', async () => {
    const path = at('bamboo/v100x1-east1c.txt.gz');
    expect(await codeOf(readSpotTrace(path))).toBe('COST_TRACE_DISORDER');
    const { faults, losses, lossesUnsorted } = await readSpotTrace(path, { sorted: true });
    expect(faults).toEqual([{ what: 'backwards', count: 15, example: 'line 4' }]);
    expect(lossesUnsorted).toMatchObject({ lost: 518, mostLostAtOnce: 40, leastAlive: 30, mostAlive: 80 });
    expect(lossesUnsorted?.instanceHours).toBeCloseTo(1844.8, 1);
    expect(lossesUnsorted?.lostPerInstanceHour).toBeCloseTo(0.2808, 4);
    expect(losses?.lost).toBe(579);
    expect(losses?.lostPerInstanceHour).toBeCloseTo(0.3138, 4);
    expect((losses?.lastEventS ?? 0) / 3600).toBeCloseTo(24.17, 2);
  });

  test('events of nodes give instance-hours and losses', async () => {
    const g4dn = await readSpotTrace(at('bamboo/g4dn-trace.csv'));
    expect(g4dn.losses).toMatchObject({ added: 79, lost: 74, mostAlive: 24, mostLostAtOnce: 5 });
    expect(g4dn.losses?.instanceHours).toBeCloseTo(135.68, 2);
    expect(g4dn.losses?.lostPerInstanceHour).toBeCloseTo(0.5454, 4);
    expect((g4dn.losses?.lastEventS ?? 0) / 3600).toBeCloseTo(10.767, 3);
    const p3 = await readSpotTrace(at('bamboo/p3-trace.csv'));
    expect(p3.losses).toMatchObject({ added: 177, lost: 167, mostAlive: 32, mostLostAtOnce: 6 });
    expect(p3.losses?.instanceHours).toBeCloseTo(273.12, 2);
    expect([g4dn.faults, p3.faults]).toEqual([[], []]);
    // Another file has the same day as counts.
    const counts = await readSpotTrace(at('parcae/aws_traces_p3.csv'), { timeUnit: 'ms' });
    expect(counts.counts).toEqual(p3.counts);
  });

  test('reconfigurations give the range of nodes of each extract', async () => {
    const ranges = { hh_55_65: [20, 32], hl_15_25: [23, 32], lh_80_90: [11, 24], ll_10_11: [14, 18] };
    for (const [name, range] of Object.entries(ranges)) {
      const { counts, losses } = await readSpotTrace(at(`parcae/bert_trace_${name}.jsonl`));
      expect(counts).toHaveLength(60);
      expect([losses?.leastAlive, losses?.mostAlive]).toEqual(range);
      expect(losses?.lastEventS).toBe(3540);
    }
  });

  test('a step function needs its unit of time', async () => {
    const path = at('bamboo/aws-spot-instances-p2-xlarge-2020-11-20-to-2020-11-23.csv');
    expect(await codeOf(readSpotTrace(path))).toBe('COST_TRACE_UNIT');
    const { losses } = await readSpotTrace(path, { timeUnit: 'h' });
    expect((losses?.lastEventS ?? 0) / 3600).toBeCloseTo(88.695, 3);
  });

  test('without a loss the mean time between losses is a lower bound', async () => {
    const { counts, gapS } = await recordedTrace('preemption/1-node/gcp-04-30-2023/us-central1-a_c3-88');
    const found = traceStatistics(counts, gapS, 1);
    expect([found.losses, found.mtbfIsLowerBound]).toEqual([0, true]);
    expect((found.mtbfS ?? 0) / 3600).toBeCloseTo(45.625, 3);
  });
});
