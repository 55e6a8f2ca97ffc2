import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BatchHealth } from './featurestore/batch/batch-schedule.ts';
import type { DiskReport } from './featurestore/disk/disk-budget.ts';
import type { SourceCounters } from './featurestore/feature-store.ts';
import type { TopicReport } from './featurestore/ingest/topic-intake.ts';
import type { ReaderLag } from './featurestore/materialise/reader-lag.ts';
import type { TileHealth } from './featurestore/materialise/tile-intake.ts';
import type { UnreadableReport } from './featurestore/materialise/unreadable-records.ts';
import type { SkewVerdict } from './featurestore/skew/skew-schedule.ts';
import { type MetricName, metricRows } from './metric-rows.ts';
import type { DurationHistogram } from './monitoring/slo/duration-histogram.ts';
import type { ServingMeasures } from './monitoring/slo/serving-measures.ts';
import { figuresOf } from './monitoring/slo/slo-report.ts';

/** What the metrics are of. */
export interface Measured {
  readonly measures: ServingMeasures;
  counters(): ReadonlyMap<string, SourceCounters>;
  batchHealth(): readonly BatchHealth[];
  outcomes(): ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Served vectors logged, by service. */
  logged(): ReadonlyMap<string, number>;
  servedLost(): number;
  skewVerdicts(): readonly SkewVerdict[];
  /** null: what only reads keeps nothing. */
  disk(): DiskReport | null;
  /** Tiles of another engine; null where the process makes them. */
  intake(): TileHealth | null;
  /** How far the readers of shared topics are behind. */
  lag(): readonly ReaderLag[];
  /** Records of a shared log that nobody can read. */
  unreadable(): readonly UnreadableReport[];
  /** What became of the records of topics of other services. */
  topics(): readonly TopicReport[];
  /** Epoch ms. */
  clock(): number;
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

const LATENCY_BOUNDS_S = [
  0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1,
];
const FRESHNESS_BOUNDS_S = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.15, 0.5, 1, 5, 60, 900, 3_600, 21_600, 93_600];
const AGE_BOUNDS_S = [0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];

let ofProcess: Registry | null = null;

/** Memory, processor time and turns of the process, once: what watches them never ends, and would keep a closed project. */
function processRegistry(): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Prometheus metrics of a running project: read at the scrape from what was counted anyway. */
export class Metrics {
  readonly #process = processRegistry();
  readonly #registry = new Registry();

  constructor(measured: Measured) {
    this.#latencies(measured);
    this.#events(measured);
    this.#budgets(measured);
    this.#answers(measured);
    this.#batch(measured);
    this.#skew(measured);
    this.#disk(measured);
    this.#intake(measured);
    this.#samples('headrace_records_unreadable_total', () =>
      measured.unreadable().map(({ source, records }) => [{ source }, records]),
    );
    this.#samples('headrace_reader_lag_records', () => [
      ...measured
        .lag()
        .flatMap(({ topic, reader, behind }) =>
          behind.map((records, partition) => [{ topic, reader, partition: String(partition) }, records] as const),
        ),
      ...measured
        .topics()
        .flatMap(({ topic, lag }) =>
          lag.map(
            ({ partition, behind }) => [{ topic, reader: 'taken', partition: String(partition) }, behind] as const,
          ),
        ),
    ]);
    this.#topics(measured);
    this.#samples('headrace_predictions', () =>
      [...measured.outcomes()].flatMap(([model, counters]) => byName({ model }, 'outcome', counters)),
    );
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    const text = `${await this.#process.metrics()}${await this.#registry.metrics()}`;
    return { contentType: this.#registry.contentType, text };
  }

  #topics({ topics }: Measured): void {
    this.#samples('headrace_topic_records_total', () =>
      topics().flatMap(({ source, taken, refused, tombstones, lost }) =>
        byName({ source }, 'outcome', { taken, refused, tombstone: tombstones, lost }),
      ),
    );
    this.#samples('headrace_topic_key_changes_total', () =>
      topics().map(({ source, keyChanges }) => [{ source }, keyChanges]),
    );
    this.#samples('headrace_topic_up', () => topics().map(({ source, trouble }) => [{ source }, Number(!trouble)]));
  }

  #latencies({ measures }: Measured): void {
    const services = [...measures.services.values()];
    const views = [...measures.views.values()];
    this.#histogram('headrace_vector_read_seconds', LATENCY_BOUNDS_S, () =>
      services.map(({ service, latency }) => [{ service: service.name }, latency.sinceStart(performance.now())]),
    );
    this.#histogram('headrace_tier_read_seconds', LATENCY_BOUNDS_S, () =>
      services.flatMap(({ service, tiers }) =>
        Object.entries(tiers)
          .filter(([, { count }]) => count > 0)
          .map(([tier, histogram]) => [{ service: service.name, tier }, histogram] as const),
      ),
    );
    this.#histogram('headrace_view_read_seconds', LATENCY_BOUNDS_S, () =>
      views.map(({ id, latency }) => [{ view: id }, latency.sinceStart(performance.now())]),
    );
    this.#histogram('headrace_view_freshness_seconds', FRESHNESS_BOUNDS_S, () =>
      views
        .filter(({ tier }) => tier !== 'request')
        .map(({ id, freshness }) => [{ view: id }, freshness.sinceStart(performance.now())]),
    );
    this.#histogram('headrace_view_age_seconds', AGE_BOUNDS_S, () =>
      views.filter(({ tier }) => tier !== 'request').map(({ id, age }) => [{ view: id }, age]),
    );
  }

  #events({ measures, counters }: Measured): void {
    const sources = [...measures.sources.values()];
    this.#histogram('headrace_event_servable_seconds', LATENCY_BOUNDS_S, () =>
      sources.map(({ source, servable }) => [{ source: source.name }, servable]),
    );
    this.#histogram('headrace_event_lateness_seconds', AGE_BOUNDS_S, () =>
      sources.map(({ source, lateness }) => [{ source: source.name }, lateness]),
    );
    this.#samples('headrace_events_ahead_total', () =>
      sources.map(({ source, ahead }) => [{ source: source.name }, ahead]),
    );
    this.#samples('headrace_events_total', () =>
      [...counters()].flatMap(([source, { gateway, admission }]) => {
        const { sent, refused, quarantined } = gateway;
        return byName({ source }, 'outcome', { sent, refused, quarantined, ...admission });
      }),
    );
  }

  #budgets({ measures }: Measured): void {
    const budgeted = () =>
      [
        ...[...measures.services.values()].map(({ service, latency }) => ({
          labels: { of: 'service', name: service.name, measure: 'latency' },
          series: latency,
        })),
        ...[...measures.views.values()].flatMap(({ id, latency, freshness }) => [
          { labels: { of: 'view', name: id, measure: 'latency' }, series: latency },
          { labels: { of: 'view', name: id, measure: 'freshness' }, series: freshness },
        ]),
      ].filter(({ series: { budgetMs } }) => budgetMs !== null);
    this.#samples('headrace_budget_seconds', () =>
      budgeted().map(({ labels, series }) => [labels, (series.budgetMs ?? 0) / 1_000]),
    );
    this.#samples('headrace_budget_observations_total', () =>
      budgeted().map(({ labels, series }) => [labels, series.sinceStart(performance.now()).count]),
    );
    this.#samples('headrace_budget_exceeded_total', () =>
      budgeted().map(({ labels, series }) => [labels, series.over]),
    );
    this.#samples('headrace_budget_burn_rate', () =>
      measures.report(performance.now()).series.flatMap((series) => {
        const { of, name, measure } = series;
        return figuresOf(series).burn.flatMap(({ minutes, rate }): readonly Sample[] =>
          rate === null ? [] : [[{ of, name, measure, window: `${minutes}m` }, rate]],
        );
      }),
    );
  }

  #answers({ measures }: Measured): void {
    const views = [...measures.views.values()];
    this.#samples('headrace_stale_answers_total', () =>
      views.filter(({ tier }) => tier !== 'request').map(({ id, stale }) => [{ view: id }, stale]),
    );
    this.#samples('headrace_late_answers_total', () =>
      views
        .filter(({ view }) => view.latency !== undefined)
        .flatMap(({ id, late }) => byName({ view: id }, 'answer', late)),
    );
    this.#samples('headrace_compute_failures_total', () =>
      views.filter(({ tier }) => tier === 'request').map(({ id, failed }) => [{ view: id }, failed]),
    );
    this.#samples('headrace_requests_turned_away_total', () =>
      [...measures.services.values()].map(({ service, turnedAway }) => [{ service: service.name }, turnedAway]),
    );
    this.#samples('headrace_features_missing_total', () =>
      [...measures.services.values()].flatMap(({ service, missing }) =>
        byName({ service: service.name }, 'reason', missing),
      ),
    );
  }

  #batch({ batchHealth, clock }: Measured): void {
    const id = ({ view }: BatchHealth) => `${view.name}@${view.version}`;
    this.#samples('headrace_batch_runs_total', () =>
      batchHealth().flatMap((health) => {
        const { succeeded, failed } = health;
        return byName({ view: id(health) }, 'outcome', { succeeded, failed });
      }),
    );
    this.#samples('headrace_batch_age_seconds', () =>
      batchHealth().flatMap((health): readonly Sample[] =>
        health.asOf === null ? [] : [[{ view: id(health) }, (clock() - health.asOf) / 1_000]],
      ),
    );
    this.#samples('headrace_batch_overdue_seconds', () =>
      batchHealth().map((health) => [
        { view: id(health) },
        health.overdueSince === null ? 0 : (clock() - health.overdueSince) / 1_000,
      ]),
    );
  }

  #skew({ logged, servedLost, skewVerdicts, clock }: Measured): void {
    this.#samples('headrace_vectors_logged_total', () => [...logged()].map(([service, count]) => [{ service }, count]));
    this.#samples('headrace_logged_rows_lost_total', () => [[{}, servedLost()]]);
    this.#samples('headrace_skew_compared', () =>
      skewVerdicts().map(({ service, report }) => [{ service: service.name }, report.compared]),
    );
    this.#samples('headrace_skew_mismatches', () =>
      skewVerdicts().flatMap(({ service, report }) =>
        byName({ service: service.name }, 'class', { ...report.mismatches }),
      ),
    );
    this.#samples('headrace_skew_met', () =>
      skewVerdicts().map(({ service, met }) => [{ service: service.name }, Number(met)]),
    );
    this.#samples('headrace_skew_age_seconds', () =>
      skewVerdicts().map(({ service, at }) => [{ service: service.name }, (clock() - at) / 1_000]),
    );
  }

  #disk({ disk: reportOf }: Measured): void {
    const samples = (name: MetricName, read: (disk: DiskReport) => readonly Sample[]) =>
      this.#samples(name, () => {
        const disk = reportOf();
        return disk === null ? [] : read(disk);
      });
    samples('headrace_disk_bytes', ({ kept, elsewhereBytes }) =>
      byName({}, 'part', { ...kept, elsewhere: elsewhereBytes }),
    );
    samples('headrace_disk_day_bytes', ({ today }) => byName({}, 'part', today));
    samples('headrace_disk_budget_bytes', ({ bytes, bytesPerDay }) => {
      const budgets = {
        ...(bytes === null ? {} : { total: bytes }),
        ...(bytesPerDay === null ? {} : { day: bytesPerDay }),
      };
      return byName({}, 'budget', budgets);
    });
    samples('headrace_disk_trimmed_bytes_total', ({ trimmed }) => byName({}, 'part', trimmed));
    samples('headrace_disk_refused_events_total', ({ refusedEvents }) => [[{}, refusedEvents]]);
    samples('headrace_disk_skipped_rows_total', ({ skippedRows }) => [[{}, skippedRows]]);
  }

  #intake({ intake, clock }: Measured): void {
    const samples = (name: MetricName, read: (of: NonNullable<ReturnType<typeof intake>>) => readonly Sample[]) =>
      this.#samples(name, () => {
        const of = intake();
        return of === null ? [] : read(of);
      });
    samples('headrace_tiles_taken_total', ({ outcomes }) => byName({}, 'outcome', outcomes));
    samples('headrace_tile_conflicts', ({ conflicts }) => [[{}, conflicts.length]]);
    samples('headrace_tiles_age_seconds', ({ progress: { freshUntil } }) =>
      Number.isFinite(freshUntil) ? [[{}, Math.max(0, clock() - freshUntil) / 1_000]] : [],
    );
  }

  /** A counter or gauge whose values are read at the scrape. */
  #samples(name: MetricName, read: () => readonly Sample[]): void {
    const { type, help, labels } = metricRows[name];
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === 'counter') {
      const counter = new Counter<string>({
        ...options,
        collect: () => {
          counter.reset();
          for (const [labelled, value] of read()) counter.inc(labelled, value);
        },
      });
    } else {
      const gauge = new Gauge<string>({
        ...options,
        collect: () => {
          gauge.reset();
          for (const [labelled, value] of read()) gauge.set(labelled, value);
        },
      });
    }
  }

  #histogram(
    name: MetricName,
    bounds: readonly number[],
    read: () => readonly (readonly [Readonly<Record<string, string>>, DurationHistogram])[],
  ): void {
    const { help, labels } = metricRows[name];
    this.#registry.registerMetric(new CountedHistogram(name, help, labels, bounds, read));
  }
}

/** A Prometheus histogram of durations that were counted elsewhere: its buckets are sums over their finer bins. */
class CountedHistogram extends Histogram<string> {
  /** One without samples: what is the same in every scrape. */
  readonly #empty: Histogram<string>;
  readonly #bounds: readonly number[];
  readonly #read: () => readonly (readonly [Readonly<Record<string, string>>, DurationHistogram])[];

  constructor(
    name: string,
    help: string,
    labels: readonly string[],
    bounds: readonly number[],
    read: () => readonly (readonly [Readonly<Record<string, string>>, DurationHistogram])[],
  ) {
    super({ name, help, labelNames: [...labels], registers: [] });
    this.#empty = new Histogram({ name, help, registers: [] });
    this.#bounds = bounds;
    this.#read = read;
  }

  /** What prom-client takes the text of a scrape from. */
  getForPromString(): ReturnType<Histogram<string>['get']> {
    return this.get();
  }

  override async get(): ReturnType<Histogram<string>['get']> {
    const about = await this.#empty.get();
    const { name } = about;
    const samples = this.#read().flatMap(([labels, histogram]) => {
      const within = histogram.within(this.#bounds.map((bound) => bound * 1_000));
      const bucket = (le: string | number, value: number) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le },
        value,
      });
      return [
        ...this.#bounds.map((bound, i) => bucket(bound, within[i])),
        bucket('+Inf', histogram.count),
        { metricName: `${name}_sum`, labels, value: histogram.sumMs / 1_000 },
        { metricName: `${name}_count`, labels, value: histogram.count },
      ];
    });
    return { ...about, values: samples };
  }
}

function byName(
  labels: Readonly<Record<string, string>>,
  label: string,
  values: Readonly<Record<string, number>>,
): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => [{ ...labels, [label]: name }, value]);
}
