import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import type { BudgetSeries } from './budget-series.ts';
import { areCounts, DurationHistogram } from './duration-histogram.ts';

/** The share of observations that must be within a budget: 99 of 100. */
const OBJECTIVE = 0.99;

export const SLO_FORMAT = 1;

const seriesSchema = z.strictObject({
  /** Of a service the whole read; of a model the whole prediction; of a view its part of the read, and the age of its answers. */
  of: z.enum(['service', 'view', 'model']),
  name: z.string(),
  tier: z.enum(['request', 'streaming', 'batch']).nullable(),
  measure: z.enum(['latency', 'freshness']),
  budgetMs: z.number().nullable(),
  /** Durations of the last hour: their sum, ms, and counts by bin of a {@link DurationHistogram}. */
  sumMs: z.number(),
  counts: z.array(z.number()).refine(areCounts, 'no counts by bin'),
  /** Observations within the last minutes, and those beyond the budget. */
  windows: z.array(z.strictObject({ minutes: z.int(), total: z.int(), over: z.int() })),
});

/** The form of a report. */
export const sloReportSchema = z.strictObject({
  format: z.literal(SLO_FORMAT),
  project: z.string(),
  series: z.array(seriesSchema),
});

/** Measurements against one budget, as data that can be added to that of another process. */
export type SloSeries = z.output<typeof seriesSchema>;

/** Measurements of one process, or several together, against every declared budget. */
export type SloReport = z.output<typeof sloReportSchema>;

/** The figures of one budget, for people. */
export interface SloFigures {
  /** Observations of the last hour. */
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  /** The share beyond the budget over the share that may be, by window; 1 uses the budget up exactly; null: nothing seen. */
  readonly burn: readonly { readonly minutes: number; readonly rate: number | null }[];
  /** null: nothing seen, or nothing declared. */
  readonly met: boolean | null;
}

/** A series as a report has it. */
export function seriesOf(
  about: Pick<SloSeries, 'of' | 'name' | 'tier' | 'measure'>,
  series: BudgetSeries,
  now: number,
): SloSeries {
  const hour = series.lastHour(now);
  return {
    ...about,
    budgetMs: series.budgetMs,
    sumMs: hour.sumMs,
    counts: [...hour.counts()],
    windows: series.windows(now).map((window) => ({ ...window })),
  };
}

/** The figures of a series. */
export function figuresOf({ budgetMs, sumMs, counts, windows }: SloSeries): SloFigures {
  const hour = new DurationHistogram();
  hour.addCounts(counts, sumMs);
  const p99Ms = hour.percentile(OBJECTIVE);
  return {
    count: hour.count,
    p50Ms: hour.percentile(0.5),
    p99Ms,
    p999Ms: hour.percentile(0.999),
    burn: windows.map(({ minutes, total, over }) => ({
      minutes,
      rate: total === 0 || budgetMs === null ? null : over / total / (1 - OBJECTIVE),
    })),
    met: p99Ms === null || budgetMs === null ? null : p99Ms <= budgetMs,
  };
}

/** Adds the reports of several processes of one project. Error: SLO_PROJECT. */
export function mergeReports([first, ...others]: readonly [SloReport, ...SloReport[]]): SloReport {
  const stranger = others.find(({ project }) => project !== first.project);
  if (stranger !== undefined) throw fail('SLO_PROJECT', { project: first.project, other: stranger.project });
  const merged = new Map(first.series.map((series) => [idOf(series), series]));
  for (const series of others.flatMap((report) => report.series)) {
    const known = merged.get(idOf(series));
    merged.set(idOf(series), known === undefined ? series : mergeSeries(known, series));
  }
  return { ...first, series: [...merged.values()] };
}

function mergeSeries(a: SloSeries, b: SloSeries): SloSeries {
  const sum = new DurationHistogram();
  sum.addCounts(a.counts, a.sumMs);
  sum.addCounts(b.counts, b.sumMs);
  return {
    ...a,
    sumMs: sum.sumMs,
    counts: [...sum.counts()],
    windows: a.windows.map(({ minutes, total, over }) => {
      const other = b.windows.find((window) => window.minutes === minutes);
      return { minutes, total: total + (other?.total ?? 0), over: over + (other?.over ?? 0) };
    }),
  };
}

function idOf({ of, name, measure }: SloSeries): string {
  return `${of} ${name} ${measure}`;
}

/** Reads a report that a server gave. Error: SLO_REPORT. */
export function parseReport(text: string, from: string): SloReport {
  const json = parseJson(text);
  const parsed = sloReportSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fail('SLO_REPORT', { from, reason: `${issue.path.join('.') || 'report'}: ${issue.message}` });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
