import type { SkewReport } from 'headrace';
import type { RunCheck } from '../flights/checks.ts';
import { recommendation } from './declaration.ts';
import type { LiveTotals } from './live.ts';
import type { LoadResult } from './open-loop.ts';

/** A declared budget, or the aim of the exercise, beside what was measured. */
export interface Budget {
  readonly tier: 'service' | 'request' | 'streaming' | 'batch';
  readonly of: string;
  readonly budget: number;
  readonly measured: number;
  readonly unit: 'ms' | 'requests/s';
  readonly met: boolean;
}

/** What the demonstration was, as one JSON object. */
export interface DemonstrationSummary {
  readonly history: { readonly events: number; readonly seconds: number; readonly tilesMerged: number };
  readonly peak: LoadResult | null;
  readonly load: LoadResult & { readonly rate: number };
  readonly live: { readonly events: number; readonly freshnessMs: Quantiles };
  readonly skew: { readonly sampled: number; readonly mismatches: SkewReport['mismatches'] };
  readonly budgets: readonly Budget[];
  readonly checks: readonly RunCheck[];
  readonly seconds: number;
}

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface SummaryParts extends Pick<DemonstrationSummary, 'history' | 'peak' | 'load' | 'checks' | 'seconds'> {
  readonly live: LiveTotals;
  readonly skew: SkewReport;
}

const WANTED_RATE = 50_000;

export function summarise({ live, skew, ...rest }: SummaryParts): DemonstrationSummary {
  const freshnessMs = quantiles(live.freshnessMs);
  return {
    ...rest,
    live: { events: live.clicks + live.purchases, freshnessMs },
    skew: { sampled: skew.vectors, mismatches: skew.mismatches },
    budgets: budgetsOf({ ...rest, live, skew }, freshnessMs),
  };
}

function budgetsOf({ peak, load, live }: SummaryParts, freshness: Quantiles): readonly Budget[] {
  const { p99Ms, lookups } = recommendation;
  const views = lookups.map(({ view }) => view);
  const tightest = (kind: 'streamView' | 'batchView') =>
    Math.min(...views.filter((view) => view.kind === kind).map(({ freshnessMs }) => freshnessMs));
  return [
    ...(peak === null && load.rate < WANTED_RATE ? [] : [throughput(peak, load)]),
    within('service', 'latency p99', p99Ms ?? Number.POSITIVE_INFINITY, load.latency.p99),
    within('streaming', 'event to servable p99', tightest('streamView'), freshness.p99),
    within('batch', 'age of the data', tightest('batchView'), live.batchAgeMs),
  ];
}

function throughput(peak: LoadResult | null, load: LoadResult): Budget {
  const measured = (peak ?? load).requestsPerSecond;
  const of = peak === null ? 'rate answered' : 'peak rate';
  return { tier: 'service', of, budget: WANTED_RATE, measured, unit: 'requests/s', met: measured >= WANTED_RATE };
}

function within(tier: Budget['tier'], of: string, budget: number, measured: number): Budget {
  return { tier, of, budget, measured, unit: 'ms', met: measured <= budget };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** The summary for people. */
export function summaryText(summary: DemonstrationSummary): string {
  const { history, peak, load, live, skew, budgets, checks, seconds } = summary;
  const { p50, p99, p999 } = load.latency;
  return [
    'done',
    `  history: ${whole(history.events)} events in ${history.seconds.toFixed(1)} s, ${history.tilesMerged.toFixed(0)} tiles merged for a vector`,
    ...(peak === null ? [] : [`  peak: ${whole(peak.requestsPerSecond)} requests/s, ${peak.errors} errors`]),
    `  load: ${whole(load.rate)} requests/s asked, ${whole(load.requestsPerSecond)} answered, ${load.errors} errors, ${load.incomplete} incomplete, ${load.stale} stale`,
    `  latency: p50 ${ms(p50)}  p99 ${ms(p99)}  p99.9 ${ms(p999)}, counted from when each request was due`,
    `  freshness: p50 ${ms(live.freshnessMs.p50)}  p99 ${ms(live.freshnessMs.p99)}, while ${whole(live.events)} events came`,
    `  skew: ${whole(skew.sampled)} vectors recomputed, mismatches: lateness ${skew.mismatches.lateness}, staleness ${skew.mismatches.staleness}, logic ${skew.mismatches.logic}`,
    ...budgets.map(
      ({ tier, of, budget, measured, unit, met }) =>
        `  ${met ? 'met   ' : 'MISSED'} ${tier.padEnd(9)} ${of}: ${amount(measured, unit)} of ${amount(budget, unit)}`,
    ),
    ...checks.map(({ name, passed, found }) => `  ${passed ? '✓' : '✗'} ${name}: ${found}`),
    `  ${seconds.toFixed(1)} s`,
  ].join('\n');
}

function amount(value: number, unit: Budget['unit']): string {
  return unit === 'ms' ? ms(value) : `${whole(value)} ${unit}`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function ms(value: number): string {
  if (value >= 3_600_000) return `${(value / 3_600_000).toFixed(1)} h`;
  if (value >= 10_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}
