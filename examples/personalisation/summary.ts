import type { SkewReport } from 'headrace';
import type { RunCheck } from '../flights/checks.ts';
import { recommendation } from './declaration.ts';
import type { LiveTotals } from './live.ts';
import type { LoadResult } from './load.ts';

/** A declared budget, or the aim of the exercise, beside what was measured. */
export interface Budget {
  readonly tier: 'service' | 'request' | 'streaming' | 'batch';
  readonly of: string;
  readonly budget: number;
  readonly measured: number;
  readonly unit: 'ms' | 'requests/s';
  readonly met: boolean;
}

/** The load that latencies are judged under. */
export interface Load extends LoadResult {
  /** Requests that fell due each second. */
  readonly perSecond: number;
  /** Requests a second that were answered before, when more were due than could be; null where the rate was given. */
  readonly peak: number | null;
}

/** What the demonstration was, as one JSON object. */
export interface DemonstrationSummary {
  readonly history: { readonly events: number; readonly seconds: number; readonly tilesMerged: number };
  readonly load: Load;
  readonly live: Omit<LiveTotals, 'freshnessMs'> & { readonly freshnessMs: Quantiles };
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

export interface SummaryParts extends Pick<DemonstrationSummary, 'history' | 'load' | 'checks' | 'seconds'> {
  readonly live: LiveTotals;
  readonly skew: SkewReport;
}

const WANTED_RATE = 50_000;

export function summarise({ live, skew, ...rest }: SummaryParts): DemonstrationSummary {
  const freshnessMs = quantiles(live.freshnessMs);
  return {
    ...rest,
    live: { ...live, freshnessMs },
    skew: { sampled: skew.vectors, mismatches: skew.mismatches },
    budgets: budgetsOf({ ...rest, live, skew }, freshnessMs),
  };
}

function budgetsOf({ load, live }: SummaryParts, freshness: Quantiles): readonly Budget[] {
  const { p99Ms, lookups } = recommendation;
  const views = lookups.map(({ view }) => view);
  const tightest = (kind: 'streamView' | 'batchView') =>
    Math.min(...views.filter((view) => view.kind === kind).map(({ freshnessMs }) => freshnessMs));
  return [
    ...(load.peak === null ? [] : [throughput(load.peak)]),
    within('service', 'latency p99', p99Ms ?? Number.POSITIVE_INFINITY, load.p99Ms),
    within('streaming', 'event to servable p99', tightest('streamView'), freshness.p99),
    within('batch', 'age of the data', tightest('batchView'), live.batchAgeMs),
  ];
}

function throughput(measured: number): Budget {
  const [budget, met] = [WANTED_RATE, measured >= WANTED_RATE];
  return { tier: 'service', of: 'peak rate', budget, measured, unit: 'requests/s', met };
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
  const { history, load, live, skew, budgets, checks, seconds } = summary;
  const { peak } = load;
  return [
    'done',
    `  history: ${whole(history.events)} events in ${history.seconds.toFixed(1)} s, ${history.tilesMerged.toFixed(0)} tiles merged for a vector`,
    ...(peak === null ? [] : [`  peak: ${whole(peak)} requests/s`]),
    `  load: ${whole(load.perSecond)} requests/s, ${whole(load.answered)} answered, ${load.turnedAway} turned away, ${load.errors} errors`,
    `  latency: p50 ${ms(load.p50Ms)}  p99 ${ms(load.p99Ms)}  p99.9 ${ms(load.p999Ms)}, counted from when each request was due`,
    `  freshness: p50 ${ms(live.freshnessMs.p50)}  p99 ${ms(live.freshnessMs.p99)}, while ${whole(live.clicks + live.purchases)} events came`,
    `  answers: ${whole(live.asked)} looked into, ${live.incomplete} lack a feature, ${live.stale} have a stale one`,
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
