import { fail } from '../../base/errors/fail.ts';
import { plainNumber } from './csv.ts';
import { parseJsonText } from './json-text.ts';
import { emptySeries, type SampleSeries } from './samples.ts';
import { epochMs, stampMs } from './stamp.ts';
import { parseTable } from './table.ts';

/** One series as Prometheus has it: its labels, and pairs of milliseconds and value. */
interface LabelledSeries {
  readonly labels: ReadonlyMap<string, string>;
  readonly samples: readonly (readonly [number, number])[];
}

type Field =
  | 'util'
  | 'engine'
  | 'memoryController'
  | 'memoryUsedMb'
  | 'powerW'
  | 'clockMhz'
  | 'smActive'
  | 'tensorActive'
  | 'dramActive';

/** Which counter a metric is, and what its values are multiplied by. */
const metrics: readonly (readonly [RegExp, Field, number])[] = [
  [/GR_ENGINE_ACTIVE$/i, 'engine', 100],
  [/gpu_(util\w*|duty_cycle)_ratio$|utili[sz]ation_gpu_ratio$/i, 'util', 100],
  [/GPU_UTIL$|utili[sz]ation_gpu|gpu_utili[sz]ation|duty_cycle/i, 'util', 1],
  [/MEM_COPY_UTIL$/i, 'memoryController', 1],
  [/FB_USED$/i, 'memoryUsedMb', 1],
  [/POWER_USAGE$/i, 'powerW', 1],
  [/SM_CLOCK$/i, 'clockMhz', 1],
  [/SM_ACTIVE$/i, 'smActive', 1],
  [/PIPE_TENSOR_ACTIVE$/i, 'tensorActive', 1],
  [/DRAM_ACTIVE$/i, 'dramActive', 1],
];

/**
 * Counters as Prometheus exports them: the JSON of `query_range`, or CSV with the columns value, timestamp and instance.
 *
 *   json = { "data": { "resultType": "matrix" | "vector", "result": [ { "metric": labels, "values": [[seconds, "value"], …] } ] } }
 *   csv  = header { row };  header has value, timestamp, and labels such as instance, gpu, __name__
 *
 * A function over time takes the name of a series away: it then has that of its file, `gpu_util.csv`. Without any name the
 * values could be of every counter. Errors: GPU_DAMAGED.
 */
export function parsePrometheus(text: string, path = ''): readonly SampleSeries[] {
  const ofFile = nameOfFile(path);
  const all = (/^\s*\{/.test(text) ? fromJson(text) : fromCsv(text)).map(({ labels, samples }) => ({
    labels: nameOf(labels) === '' ? new Map([...labels, ['__name__', ofFile] as const]) : labels,
    samples,
  }));
  const gpus = new Map<string, Map<Field, Map<number, number>>>();
  const shares = namesOfShares(all);
  for (const { labels, samples } of all) {
    const name = nameOf(labels);
    const metric = metrics.find(([pattern]) => pattern.test(name));
    if (metric === undefined) continue;
    const [, field, factor] = metric;
    const scale = field === 'util' && factor === 1 && shares.has(name) ? 100 : factor;
    const gpu = gpus.get(gpuOf(labels)) ?? new Map<Field, Map<number, number>>();
    gpus.set(gpuOf(labels), gpu);
    // A GPU has several series in turn if labels such as pod change with the work on it.
    const values = gpu.get(field) ?? new Map<number, number>();
    gpu.set(field, values);
    for (const [at, value] of samples) values.set(at, value * scale);
  }
  const series = [...gpus]
    .filter(([, fields]) => fields.has('util') || fields.has('engine'))
    .map(([gpu, fields]) => seriesOf(gpu, fields));
  if (series.length === 0)
    throw fail('GPU_DAMAGED', {
      kind: 'Prometheus export',
      reason: all.some(({ labels }) => nameOf(labels) === '')
        ? 'its series have no name, so nothing says that they are of utilisation: export with the label __name__, or name the file after the metric (DCGM_FI_DEV_GPU_UTIL.csv)'
        : 'no series is of the utilisation of a GPU',
    });
  return series;
}

/** `exports/GPU_UTIL.csv.gz` is of GPU_UTIL. */
function nameOfFile(path: string): string {
  const name = path.replace(/^.*[\\/]/, '').replace(/\..*$/, '');
  return metrics.some(([pattern]) => pattern.test(name)) ? name : '';
}

function nameOf(labels: ReadonlyMap<string, string>): string {
  return labels.get('__name__') ?? labels.get('metric') ?? labels.get('name') ?? '';
}

/** A metric whose unit is percent, however low its values are. */
const ALWAYS_PERCENT = 'DCGM_FI_DEV_GPU_UTIL';

/** The metrics whose values are shares of 1 in all their series: percentages of utilisation are whole numbers. */
function namesOfShares(all: readonly LabelledSeries[]): ReadonlySet<string> {
  const above = new Set<string>([ALWAYS_PERCENT]);
  const broken = new Set<string>();
  for (const { labels, samples } of all) {
    const name = nameOf(labels);
    for (const [, value] of samples) {
      if (value > 1) above.add(name);
      else if (value > 0 && value < 1) broken.add(name);
    }
  }
  return broken.difference(above);
}

function gpuOf(labels: ReadonlyMap<string, string>): string {
  const parts = [
    labels.get('Hostname') ?? labels.get('instance'),
    labels.get('gpu') ?? labels.get('gpu_id') ?? labels.get('index') ?? labels.get('device') ?? labels.get('UUID'),
    labels.get('GPU_I_ID') || undefined,
    labels.get('turn'),
  ];
  return parts.filter((part) => part !== undefined && part !== '').join('/') || '0';
}

function seriesOf(gpu: string, fields: ReadonlyMap<Field, ReadonlyMap<number, number>>): SampleSeries {
  const times = [...new Set([...fields.values()].flatMap((values) => [...values.keys()]))].sort((a, b) => a - b);
  // Utilisation itself comes before the engine's activity, which stands in for it at other moments.
  const util = new Map([...(fields.get('engine') ?? []), ...(fields.get('util') ?? [])]);
  const at = (field: Field, values = fields.get(field)) =>
    values === undefined ? [] : times.map((time) => values.get(time) ?? Number.NaN);
  return {
    ...emptySeries(gpu),
    timesMs: times.some((time) => Number.isNaN(time)) ? [] : times,
    util: at('util', util).map((value) => (value >= 0 && value <= 100 ? value : Number.NaN)),
    memoryController: at('memoryController'),
    memoryUsedMb: at('memoryUsedMb'),
    powerW: at('powerW'),
    clockMhz: at('clockMhz'),
    smActive: at('smActive'),
    tensorActive: at('tensorActive'),
    dramActive: at('dramActive'),
  };
}

function fromJson(text: string): readonly LabelledSeries[] {
  const parsed = parseJsonText('Prometheus export', text);
  const result = member(member(parsed, 'data'), 'result');
  if (!Array.isArray(result)) throw fail('GPU_DAMAGED', { kind: 'Prometheus export', reason: 'it has no data.result' });
  return result.map((one: unknown) => {
    const metric = member(one, 'metric');
    const labels = typeof metric === 'object' && metric !== null ? Object.entries(metric) : [];
    const values = member(one, 'values') ?? [member(one, 'value')];
    return {
      labels: new Map(labels.map(([name, value]) => [name, String(value)])),
      samples: (Array.isArray(values) ? values : []).flatMap((pair: unknown) => {
        if (!Array.isArray(pair)) return [];
        const [seconds, value] = [plainNumber(String(pair[0])), plainNumber(String(pair[1]))];
        return Number.isNaN(seconds + value) ? [] : [[epochMs(seconds), value] as const];
      }),
    };
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function fromCsv(text: string): readonly LabelledSeries[] {
  const [first = ''] = text.split('\n', 1);
  const separator = /;/.test(first) ? ';' : /\t/.test(first) ? '\t' : ',';
  const { header, rows } = parseTable(text, { kind: 'Prometheus export', separator });
  const column = (pattern: RegExp) => header.findIndex((name) => pattern.test(name));
  const [value, time] = [column(/^value$/i), column(/^(timestamp|time)$/i)];
  const found = new Map<string, { labels: Map<string, string>; samples: [number, number][] }>();
  const seen = new Map<string, number>();
  for (const row of rows) {
    const fields = row.fields.map((field) => field.trim());
    const number = plainNumber(fields[value]);
    const at = stampMs(fields[time]);
    if (Number.isNaN(number + at)) continue;
    const labels = new Map(
      header.flatMap((name, index) =>
        index === value || index === time || name === '' ? [] : [[name, fields[index] ?? ''] as const],
      ),
    );
    const key = JSON.stringify([...labels]);
    // Without a label that tells them apart, rows of one moment are different GPUs.
    const turn = seen.get(`${fields[time]}/${key}`) ?? 0;
    seen.set(`${fields[time]}/${key}`, turn + 1);
    if (turn > 0) labels.set('turn', String(turn));
    const own = `${key}/${turn}`;
    const series = found.get(own) ?? { labels, samples: [] };
    series.samples.push([at, number]);
    found.set(own, series);
  }
  return [...found.values()];
}
