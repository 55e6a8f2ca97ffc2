import type { SkewReport } from 'headrace';
import type { RunCheck } from '../flights/checks.ts';
import { recommendation } from './declaration.ts';
import type { LiveTotals } from './live.ts';
import type { LoadResult } from './load.ts';
import { type ServerBudget, tierLines } from './server-budgets.ts';

/** A declared budget, or the target rate, with its measurement. */
export interface Budget {
  readonly tier: 'service' | 'request' | 'streaming' | 'batch';
  readonly of: string;
  readonly budget: number;
  readonly measured: number;
  readonly unit: 'ms' | 'requests/s';
  readonly met: boolean;
}

/** The load during the measurement of latencies. */
export interface Load extends LoadResult {
  /** Requests that fell due each second. */
  readonly perSecond: number;
  /** Requests/s answered under overload, before the measurement; null if the rate was an option. */
  readonly peak: number | null;
  /** Different users that were asked for. */
  readonly distinctUsers: number;
}

/** The summary of a demonstration, as one JSON object. */
export interface DemonstrationSummary {
  readonly history: { readonly events: number; readonly seconds: number; readonly tilesMerged: number };
  readonly load: Load;
  readonly live: Omit<LiveTotals, 'freshnessMs'> & { readonly freshnessMs: Quantiles };
  /** Measurements of the server itself. */
  readonly server: readonly ServerBudget[];
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

export interface SummaryParts extends Pick<DemonstrationSummary, 'history' | 'load' | 'server' | 'checks' | 'seconds'> {
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

function budgetsOf({ load, server }: SummaryParts, freshness: Quantiles): readonly Budget[] {
  const { name, p99Ms, lookups } = recommendation;
  const tightest = Math.min(...lookups.flatMap(({ view }) => (view.kind === 'streamView' ? [view.freshnessMs] : [])));
  return [
    ...(load.peak === null ? [] : [throughput(load.peak)]),
    within('service', `${name}, as its callers see it`, p99Ms ?? Number.POSITIVE_INFINITY, load.p99Ms),
    within('streaming', 'event to servable, as a prober sees it', tightest, freshness.p99),
    ...server.flatMap(({ tier, name: of, measure, budgetMs, p99Ms: measured }) =>
      budgetMs === null || measured === null ? [] : [within(tier ?? 'service', `${of} ${measure}`, budgetMs, measured)],
    ),
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
  const { history, load, live, server, skew, budgets, checks, seconds } = summary;
  const { peak } = load;
  return [
    'done',
    `  history: ${whole(history.events)} events in ${history.seconds.toFixed(1)} s, ${history.tilesMerged.toFixed(0)} tiles merged for a vector`,
    ...(peak === null ? [] : [`  peak: ${whole(peak)} requests/s`]),
    `  load: ${whole(load.perSecond)} requests/s, ${whole(load.answered)} answered, ${load.turnedAway} turned away, ${load.errors} errors, ${whole(load.distinctUsers)} distinct users`,
    `  latency: p50 ${ms(load.p50Ms)}  p99 ${ms(load.p99Ms)}  p99.9 ${ms(load.p999Ms)}, from the time that each request was due`,
    ...tierLines(server).map(
      ({ tier, views, latency }) =>
        `  ${tier} tier: p50 ${duration(latency.p50Ms)}  p99 ${duration(latency.p99Ms)}  p99.9 ${duration(latency.p999Ms)} of a read, in the slowest of ${views} views (${latency.name})`,
    ),
    `  freshness: p50 ${ms(live.freshnessMs.p50)}  p99 ${ms(live.freshnessMs.p99)}, while ${whole(live.clicks + live.purchases)} events arrived`,
    `  answers: ${whole(live.asked)} checked, ${live.incomplete} lack a feature, ${live.stale} have a stale one`,
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

function duration(value: number | null): string {
  return value === null ? '-' : ms(value);
}

function ms(value: number): string {
  if (value < 1) return `${Math.round(value * 1_000)} µs`;
  if (value >= 3_600_000) return `${(value / 3_600_000).toFixed(1)} h`;
  if (value >= 10_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}
