import type { FeatureServiceData } from '../features/define/declaration.ts';
import type { Sample } from '../ports/part.ts';
import { AGE_BOUNDS_S, FRESHNESS_BOUNDS_S, LATENCY_BOUNDS_S } from './bounds.ts';
import type { BudgetSeries } from './budget-series.ts';
import { type BudgetStatus, budgetOf, budgetsOf, budgetText, NO_BUDGET } from './budget-status.ts';
import { type PartKind, samplesBy } from './part-kind.ts';
import type { ServingMeasures, Tier, ViewMeasures } from './serving-measures.ts';
import { figuresOf, type SloReport, type SloSeries } from './slo-report.ts';

/** The source of the part: the measures of reads, and the number of logged vectors of a service. */
export interface ReadsSource {
  readonly measures: ServingMeasures;
  readonly logged: (service: FeatureServiceData) => number;
}

export interface ViewStatus {
  readonly view: string;
  readonly tier: Tier;
  readonly latency: BudgetStatus;
  /** null: a view of the request has no age. */
  readonly freshness: BudgetStatus | null;
  /** Answers older than the freshness budget. */
  readonly stale: number;
  /** Answers beyond the latency budget. */
  readonly late: number;
  /** Calls of the function of the view that failed. */
  readonly failed: number;
}

export interface ReadsStatus {
  readonly views: readonly ViewStatus[];
  readonly services: readonly BudgetStatus[];
}

/** Reads of feature vectors: latency, freshness and budgets by service and view. */
export const readsPart: PartKind<ReadsSource, ReadsStatus> = {
  name: 'reads',
  figures: [
    {
      name: 'headrace_vector_read_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['service'],
      help: 'Time of a feature vector read',
      boundsS: LATENCY_BOUNDS_S,
      read: ({ measures }) =>
        [...measures.services.values()].map(({ service, latency }) => [
          { service: service.name },
          latency.sinceStart(performance.now()),
        ]),
    },
    {
      name: 'headrace_tier_read_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['service', 'tier'],
      help: 'Time of a tier within a read (one read in 32): request, streaming or batch',
      boundsS: LATENCY_BOUNDS_S,
      read: ({ measures }) =>
        [...measures.services.values()].flatMap(({ service, tiers }) =>
          Object.entries(tiers)
            .filter(([, { count }]) => count > 0)
            .map(([tier, histogram]) => [{ service: service.name, tier }, histogram] as const),
        ),
    },
    {
      name: 'headrace_view_read_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['view'],
      help: 'Time of a view within a read (one read in 32; every call of a function that has a budget)',
      boundsS: LATENCY_BOUNDS_S,
      read: ({ measures }) =>
        [...measures.views.values()].map(({ id, latency }) => [{ view: id }, latency.sinceStart(performance.now())]),
    },
    {
      name: 'headrace_view_freshness_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['view'],
      help: 'Streaming: from the arrival of a call of events to their first possible read; batch: age of the data read (one read in 32)',
      boundsS: FRESHNESS_BOUNDS_S,
      read: ({ measures }) =>
        agingViews(measures).map(({ id, freshness }) => [{ view: id }, freshness.sinceStart(performance.now())]),
    },
    {
      name: 'headrace_view_age_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['view'],
      help: 'Age of the answers of a view when they were served (one read in 32)',
      boundsS: AGE_BOUNDS_S,
      read: ({ measures }) => agingViews(measures).map(({ id, age }) => [{ view: id }, age]),
    },
    {
      name: 'headrace_budget_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['of', 'name', 'measure'],
      help: 'Declared budget of a service, model or view: latency or freshness, for 99 of 100',
      read: ({ measures }) => budgeted(measures).map(({ labels, series }) => [labels, (series.budgetMs ?? 0) / 1_000]),
    },
    {
      name: 'headrace_budget_observations_total',
      type: 'counter',
      unit: 'observations',
      labels: ['of', 'name', 'measure'],
      help: 'Observations compared with a declared budget',
      read: ({ measures }) =>
        budgeted(measures).map(({ labels, series }) => [labels, series.sinceStart(performance.now()).count]),
    },
    {
      name: 'headrace_budget_exceeded_total',
      type: 'counter',
      unit: 'observations',
      labels: ['of', 'name', 'measure'],
      help: 'Observations beyond a declared budget',
      read: ({ measures }) => budgeted(measures).map(({ labels, series }) => [labels, series.over]),
    },
    {
      name: 'headrace_budget_burn_rate',
      type: 'gauge',
      unit: 'ratio',
      labels: ['of', 'name', 'measure', 'window'],
      help: 'Share beyond the budget over the share that may be, of the last 5m, 60m or 360m; 1 uses it up exactly',
      alerts: [
        {
          name: 'HeadraceBudgetBurnsFast',
          expr: 'headrace_budget_burn_rate{window="5m"} > 14.4 and ignoring (window) headrace_budget_burn_rate{window="60m"} > 14.4',
          for: '2m',
          severity: 'page',
          summary:
            'The {{ $labels.measure }} budget of {{ $labels.of }} {{ $labels.name }} burns {{ $value | humanize }} times too fast. Run `headrace slo`.',
        },
        {
          name: 'HeadraceBudgetBurns',
          expr: 'headrace_budget_burn_rate{window="360m"} > 1 and ignoring (window) headrace_budget_burn_rate{window="60m"} > 1',
          for: '15m',
          severity: 'ticket',
          summary:
            'The {{ $labels.measure }} budget of {{ $labels.of }} {{ $labels.name }} burns {{ $value | humanize }} times too fast. Run `headrace slo`.',
        },
      ],
      read: ({ measures }) => measures.report(performance.now()).series.flatMap(burnRates),
    },
    {
      name: 'headrace_stale_answers_total',
      type: 'counter',
      unit: 'answers',
      labels: ['view'],
      help: 'Answers older than the freshness budget of their view, marked so',
      read: ({ measures }) => agingViews(measures).map(({ id, stale }) => [{ view: id }, stale]),
    },
    {
      name: 'headrace_late_answers_total',
      type: 'counter',
      unit: 'answers',
      labels: ['view', 'answer'],
      help: 'Reads that a view did not answer within its latency budget, by the answer instead: fail, null or lastKnown',
      read: ({ measures }) =>
        [...measures.views.values()]
          .filter(({ view }) => view.latency !== undefined)
          .flatMap(({ id, late }) => samplesBy({ view: id }, 'answer', late)),
    },
    {
      name: 'headrace_compute_failures_total',
      type: 'counter',
      unit: 'calls',
      labels: ['view'],
      help: 'Calls of an on-demand function that threw or gave a value of another type',
      read: ({ measures }) =>
        [...measures.views.values()]
          .filter(({ tier }) => tier === 'request')
          .map(({ id, failed }) => [{ view: id }, failed]),
    },
    {
      name: 'headrace_requests_turned_away_total',
      type: 'counter',
      unit: 'requests',
      labels: ['service'],
      help: 'Requests for vectors that were turned away because more came than could be answered in time',
      alerts: [
        {
          name: 'HeadraceOverload',
          expr: 'rate(headrace_requests_turned_away_total[5m]) > 0',
          for: '10m',
          severity: 'page',
          summary:
            'Requests of {{ $labels.service }} are turned away: {{ $value | humanize }} a second. Add workers or machines.',
        },
      ],
      read: ({ measures }) =>
        [...measures.services.values()].map(({ service, turnedAway }) => [{ service: service.name }, turnedAway]),
    },
    {
      name: 'headrace_features_missing_total',
      type: 'counter',
      unit: 'features',
      labels: ['service', 'reason'],
      help: 'Features without an answer: nullKey, past, compute, slow, overflow or noRun',
      read: ({ measures }) =>
        [...measures.services.values()].flatMap(({ service, missing }) =>
          samplesBy({ service: service.name }, 'reason', missing),
        ),
    },
    {
      name: 'headrace_vectors_logged_total',
      type: 'counter',
      unit: 'vectors',
      labels: ['service'],
      help: 'Served vectors logged for the audit and the profiles',
      read: ({ measures, logged }) =>
        [...measures.services.values()].map(({ service }) => [{ service: service.name }, logged(service)]),
    },
  ],
  status: ({ measures }) => {
    const report = measures.report(performance.now());
    const views = [...measures.views.values()].map(({ id, tier, stale, late, failed }) => ({
      view: id,
      tier,
      stale,
      late: late.fail + late.null + late.lastKnown,
      failed,
    }));
    return withBudgets(views, report);
  },
  merge: (shares, report) => {
    const [{ views }] = shares;
    const sum = (view: string, of: 'stale' | 'late' | 'failed') =>
      shares.reduce((all, share) => all + (share.views.find((one) => one.view === view)?.[of] ?? 0), 0);
    const merged = views.map(({ view, tier }) => ({
      view,
      tier,
      stale: sum(view, 'stale'),
      late: sum(view, 'late'),
      failed: sum(view, 'failed'),
    }));
    return withBudgets(merged, report);
  },
  lines: ({ views, services }) => [
    'views',
    ...views.map(viewLine),
    'services',
    ...services.map((service) => `  ${service.name}: reads ${budgetText(service)}`),
  ],
};

function withBudgets(views: readonly Omit<ViewStatus, 'latency' | 'freshness'>[], report: SloReport): ReadsStatus {
  const budget = budgetsOf(report);
  return {
    views: views.map(({ view, tier, ...counts }) => ({
      view,
      tier,
      latency: budget(`view ${view} latency`) ?? NO_BUDGET,
      freshness: budget(`view ${view} freshness`),
      ...counts,
    })),
    services: report.series.filter(({ of }) => of === 'service').map(budgetOf),
  };
}

function viewLine({ view, tier, latency, freshness, stale, late, failed }: ViewStatus): string {
  const age = freshness === null ? '' : `, freshness ${budgetText(freshness)}`;
  return `  ${view} (${tier}): reads ${budgetText(latency)}${age}; ${stale} stale, ${late} late, ${failed} failed`;
}

/** Views whose answers have an age: all but those of the request. */
function agingViews({ views }: ServingMeasures): readonly ViewMeasures[] {
  return [...views.values()].filter(({ tier }) => tier !== 'request');
}

interface Budgeted {
  readonly labels: Readonly<Record<string, string>>;
  readonly series: BudgetSeries;
}

/** Every series with a declared budget. */
function budgeted({ services, views, models }: ServingMeasures): readonly Budgeted[] {
  const ofServices = [...services.values()].map(({ service, latency }) => ({
    labels: { of: 'service', name: service.name, measure: 'latency' },
    series: latency,
  }));
  const ofModels = [...models.values()].map(({ model, latency }) => ({
    labels: { of: 'model', name: model.name, measure: 'latency' },
    series: latency,
  }));
  const ofViews = [...views.values()].flatMap(({ id, latency, freshness }) => [
    { labels: { of: 'view', name: id, measure: 'latency' }, series: latency },
    { labels: { of: 'view', name: id, measure: 'freshness' }, series: freshness },
  ]);
  return [...ofServices, ...ofModels, ...ofViews].filter(({ series: { budgetMs } }) => budgetMs !== null);
}

function burnRates(series: SloSeries): readonly Sample[] {
  const { of, name, measure } = series;
  return figuresOf(series).burn.flatMap(({ minutes, rate }): readonly Sample[] =>
    rate === null ? [] : [[{ of, name, measure, window: `${minutes}m` }, rate]],
  );
}
