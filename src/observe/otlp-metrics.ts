import type { OpenFigure, Part, Sample } from '../ports/part.ts';

/** The reporting program, and the start of its counts. */
export interface MetricsOrigin {
  /** `service.name`. */
  readonly service: string;
  /** Start of the counts, epoch ms. */
  readonly startedAt: number;
}

/** Units of UCUM, as OpenTelemetry has them; any other is a count, in braces. */
const UNITS: Readonly<Record<string, string>> = { s: 's', seconds: 's', ms: 'ms', bytes: 'By', ratio: '1', '1': '1' };

/**
 * The figures of parts as an ExportMetricsServiceRequest of OTLP 1.x in JSON. A name is that of Prometheus with points:
 * `headrace_monitor_state` is `headrace.monitor.state`. `_total` of counters and `_seconds` of histograms are left out: OpenTelemetry's
 * rules for Prometheus add them. Counters and histograms are cumulative.
 */
export function otlpMetrics(parts: readonly Part[], now: number, { service, startedAt }: MetricsOrigin): object {
  const times = { startTimeUnixNano: nanos(startedAt), timeUnixNano: nanos(now) };
  const metrics = parts.flatMap((part) => part.figures()).map((figure) => metricOf(figure, now, times));
  return {
    resourceMetrics: [
      {
        resource: { attributes: attributesOf({ 'service.name': service, 'telemetry.sdk.language': 'nodejs' }) },
        scopeMetrics: [{ scope: { name: 'headrace' }, metrics: metrics.filter((metric) => metric !== null) }],
      },
    ],
  };
}

interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

/** Null: it has no sample now. */
function metricOf(figure: OpenFigure, now: number, times: Times): object | null {
  const about = { name: otlpName(figure), description: figure.help, unit: otlpUnit(figure.unit) };
  if (figure.type === 'histogram') {
    const dataPoints = figure.read(now).map(([labels, durations]) => {
      const within = durations.within(figure.boundsS.map((bound) => bound * 1_000));
      const upTo = [...within, durations.count];
      const bucketCounts = upTo.map((count, i) => String(count - (upTo[i - 1] ?? 0)));
      const sums = { count: String(durations.count), sum: durations.sumMs / 1_000 };
      return { attributes: attributesOf(labels), ...times, ...sums, bucketCounts, explicitBounds: figure.boundsS };
    });
    return dataPoints.length === 0 ? null : { ...about, histogram: { dataPoints, aggregationTemporality: CUMULATIVE } };
  }
  const dataPoints = figure
    .read(now)
    .filter(isNumber)
    .map(([labels, asDouble]) => ({
      attributes: attributesOf(labels),
      ...times,
      asDouble,
    }));
  if (dataPoints.length === 0) return null;
  if (figure.type === 'gauge') return { ...about, gauge: { dataPoints } };
  return { ...about, sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } };
}

const CUMULATIVE = 2;

function isNumber([, value]: Sample): boolean {
  return Number.isFinite(value);
}

/** The name of a figure for OpenTelemetry. */
export function otlpName({ name, type }: Pick<OpenFigure, 'name' | 'type'>): string {
  const suffix = type === 'counter' ? '_total' : type === 'histogram' ? '_seconds' : '';
  const short = suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  return short.replaceAll('_', '.');
}

function otlpUnit(unit: string): string {
  return UNITS[unit] ?? `{${unit}}`;
}

function attributesOf(labels: Readonly<Record<string, string>>): readonly object[] {
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

function nanos(ms: number): string {
  return `${BigInt(Math.round(ms)) * 1_000_000n}`;
}
