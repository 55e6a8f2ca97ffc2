import { expect, test } from 'vitest';
import { utilisationOf } from '../../src/gpu/analysis/utilisation.ts';
import { parsePrometheus } from '../../src/gpu/readers/prometheus.ts';

const START = 1_767_603_600;

interface Exported {
  readonly labels: Readonly<Record<string, string>>;
  /** Number of the first sample; each is 15 s after the previous one. */
  readonly from: number;
  readonly values: readonly number[];
}

function asJson(all: readonly Exported[]): string {
  const result = all.map(({ labels, from, values }) => ({
    metric: labels,
    values: values.map((value, at) => [START + 15 * (from + at), String(value)]),
  }));
  return JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } });
}

/** The same as CSV: a column for each label. */
function asCsv(all: readonly Exported[]): string {
  const names = [...new Set(all.flatMap(({ labels }) => Object.keys(labels)))];
  const rows = all.flatMap(({ labels, from, values }) =>
    values.map((value, at) => [...names.map((name) => labels[name] ?? ''), START + 15 * (from + at), value].join(',')),
  );
  return `${[...names, 'timestamp', 'value'].join(',')}\n${rows.join('\n')}\n`;
}

function flat(value: number, count: number): readonly number[] {
  return Array.from({ length: count }, () => value);
}

const formats = [
  ['JSON', asJson],
  ['CSV', asCsv],
] as const;

for (const [format, write] of formats)
  test(`a GPU whose pod changes is one series in ${format}, with the samples of both pods`, () => {
    const labels = { __name__: 'DCGM_FI_DEV_GPU_UTIL', Hostname: 'n1', gpu: '0', container: 'train' };
    const series = parsePrometheus(
      write([
        { labels: { ...labels, pod: 'a' }, from: 0, values: flat(0, 1800) },
        { labels: { ...labels, pod: 'b' }, from: 1800, values: flat(99, 1800) },
      ]),
    );
    expect(series).toHaveLength(1);
    expect(utilisationOf(series)).toMatchObject({ samples: 3600, sampleMean: 49.5 });
    expect(series[0].timesMs).toHaveLength(3600);
  });

test('the activity of the engine stands in for utilisation where that has no sample, in any order of series', () => {
  const labels = { Hostname: 'n1', gpu: '0' };
  const engine = {
    labels: { ...labels, __name__: 'DCGM_FI_PROF_GR_ENGINE_ACTIVE' },
    from: 0,
    values: [0.25, 0.5, 0.75, 1],
  };
  const util = { labels: { ...labels, __name__: 'DCGM_FI_DEV_GPU_UTIL' }, from: 2, values: [10, 20, 30] };
  for (const order of [
    [engine, util],
    [util, engine],
  ])
    for (const [, write] of formats)
      expect(parsePrometheus(write(order)).map((one) => one.util)).toEqual([[25, 50, 10, 20, 30]]);
});

test('whether values are shares is reported once for a metric, not for each GPU', () => {
  const idle = { labels: { instance: 'a', gpu: '0' }, from: 0, values: [0.4, 0.9] };
  const busy = { labels: { instance: 'a', gpu: '1' }, from: 0, values: [55.5, 61] };
  const told = (all: readonly Exported[]) => parsePrometheus(asJson(all)).map(({ util }) => util);
  // A function over time takes the name away.
  expect(told([idle, busy])).toEqual([
    [0.4, 0.9],
    [55.5, 61],
  ]);
  const named = ({ labels, ...rest }: Exported, name: string) => ({ ...rest, labels: { ...labels, __name__: name } });
  expect(told([named(idle, 'gpu_utilization')])).toEqual([[40, 90]]);
  expect(told([named(idle, 'gpu_utilization'), named(busy, 'duty_cycle')])).toEqual([
    [40, 90],
    [55.5, 61],
  ]);
});

test('utilisation of DCGM is in percent, however low it is', () => {
  const labels = { __name__: 'DCGM_FI_DEV_GPU_UTIL', gpu: '0' };
  expect(parsePrometheus(asJson([{ labels, from: 0, values: [0.4, 0.9] }]))[0].util).toEqual([0.4, 0.9]);
});
