import type {
  EventSourceData,
  FeatureServiceData,
  LateChoice,
  ModelData,
  ProjectData,
  ViewData,
} from '../features/define/declaration.ts';
import type { Delivery } from '../features/engine/delivery.ts';
import { BudgetSeries } from './budget-series.ts';
import { DurationHistogram } from './duration-histogram.ts';
import type { MeasuredVector, MissingReason, ReadSteps } from './measured-read.ts';
import { SLO_FORMAT, type SloReport, type SloSeries, seriesOf } from './slo-report.ts';

/** One read in this many is taken apart by tier and view: a clock read costs as much as a small lookup. */
const SAMPLE = 32;

export type Tier = 'request' | 'streaming' | 'batch';

/** Measurements of a view while serving. */
export interface ViewMeasures {
  readonly view: ViewData;
  readonly id: string;
  readonly tier: Tier;
  /** Its part of a read. */
  readonly latency: BudgetSeries;
  /** Streaming: from an event's arrival to its being servable. Batch: age of the generation that is read. */
  readonly freshness: BudgetSeries;
  /** Age of the answers served. */
  readonly age: DurationHistogram;
  /** Answers older than the freshness budget. */
  stale: number;
  /** Reads that it did not answer within its latency budget, by what was answered instead. */
  readonly late: Record<LateChoice, number>;
  /** Calls of its function that threw or gave a value of another type. */
  failed: number;
}

/** Measurements of a service. */
export interface ServiceMeasures {
  readonly service: FeatureServiceData;
  readonly latency: BudgetSeries;
  readonly tiers: Readonly<Record<Tier, DurationHistogram>>;
  /** Requests turned away because more came than could be answered. */
  turnedAway: number;
  /** Features without an answer, by reason. */
  readonly missing: Record<MissingReason, number>;
}

/** Measurements of a model: its predictions, features and log included, and tensor requests. */
export interface ModelMeasures {
  readonly model: ModelData;
  readonly latency: BudgetSeries;
}

/** Measurements of a source. */
export interface SourceMeasures {
  readonly source: EventSourceData;
  /** From an event's arrival to its being servable. */
  readonly servable: DurationHistogram;
  /** From an event's time to its arrival; one from the future counts as 0. */
  readonly lateness: DurationHistogram;
  /** Events whose time is after their arrival. */
  ahead: number;
}

/**
 * Measures a feature store while it serves: latency and freshness by service, view and source, and what the budgets
 * made of it. Hot path; durations in ms, `now` a monotonic clock in ms.
 */
export class ServingMeasures {
  readonly services: ReadonlyMap<string, ServiceMeasures>;
  /** By name@version. */
  readonly views: ReadonlyMap<string, ViewMeasures>;
  readonly sources: ReadonlyMap<string, SourceMeasures>;
  readonly models: ReadonlyMap<string, ModelMeasures>;
  readonly #project: ProjectData;
  readonly #viewsOf: ReadonlyMap<string, readonly ViewMeasures[]>;
  readonly #lookups: ReadonlyMap<string, readonly ViewMeasures[]>;
  #reads = 0;

  constructor(project: ProjectData) {
    this.#project = project;
    this.services = new Map(project.services.map((service) => [service.name, serviceMeasures(service)]));
    this.views = new Map(project.views.map((view) => [viewId(view), viewMeasures(view)]));
    this.sources = new Map(project.sources.map((source) => [source.name, sourceMeasures(source)]));
    this.models = new Map(
      project.models.map((model) => [model.name, { model, latency: new BudgetSeries(model.p99Ms) }]),
    );
    this.#viewsOf = new Map(
      project.sources.map((source) => [
        source.name,
        [...this.views.values()].filter(({ view }) => view.kind === 'streamView' && view.source.name === source.name),
      ]),
    );
    this.#lookups = new Map(
      project.services.map((service) => [service.name, service.lookups.map(({ view }) => this.#viewOf(view))]),
    );
  }

  /** Where the next read of a service notes its steps; null where it is not of the sample. */
  stepsOf(service: FeatureServiceData): ReadSteps | null {
    this.#reads += 1;
    return this.#reads % SAMPLE === 0 ? this.newSteps(service) : null;
  }

  /** Where a read of a service notes its steps, of the sample or not. */
  newSteps(service: FeatureServiceData): ReadSteps {
    const lookups = service.lookups.length;
    return { lookupMs: new Float64Array(lookups), ageMs: new Float64Array(lookups), streamMs: 0, computeMs: 0 };
  }

  /** Notes a vector that was answered. */
  served({ service, stale, missing }: MeasuredVector, tookMs: number, steps: ReadSteps | null, now: number): void {
    const measures = this.services.get(service.name);
    if (measures === undefined) return;
    measures.latency.observe(tookMs, now);
    for (const { reason } of missing) measures.missing[reason] += 1;
    for (const alias of stale) {
      const lookup = service.lookups.findIndex((one) => one.alias === alias);
      const view = this.#lookups.get(service.name)?.[lookup];
      if (view !== undefined) view.stale += 1;
    }
    if (steps !== null) this.#step(measures, steps, now);
  }

  /** Notes a call of a model that was answered; one of another model counts nowhere. */
  predicted(model: string, tookMs: number, now: number): void {
    this.models.get(model)?.latency.observe(tookMs, now);
  }

  /** Notes a request that was turned away. */
  turnedAway({ name }: FeatureServiceData): void {
    const measures = this.services.get(name);
    if (measures !== undefined) measures.turnedAway += 1;
  }

  /** Notes events that a call brought and that are servable now. */
  servable(source: EventSourceData, lagMs: number, now: number): void {
    this.sources.get(source.name)?.servable.add(lagMs);
    for (const { freshness } of this.#viewsOf.get(source.name) ?? []) freshness.observe(lagMs, now);
  }

  /** Notes how late events of a source arrived. */
  arrived(source: EventSourceData, deliveries: readonly Delivery[]): void {
    const measures = this.sources.get(source.name);
    if (measures === undefined) return;
    for (const { ts, ingestTs } of deliveries) {
      measures.lateness.add(Math.max(0, ingestTs - ts));
      if (ts > ingestTs) measures.ahead += 1;
    }
  }

  /** Notes a view that was late, and what was answered for it. */
  late(id: string, choice: LateChoice): void {
    const view = this.views.get(id);
    if (view !== undefined) view.late[choice] += 1;
  }

  /** Notes a call of the function of an on-demand view. */
  computed(view: ViewData, outcome: 'ran' | 'rested' | 'failed', ms: number, now: number): void {
    const measures = this.#viewOf(view);
    if (outcome === 'failed') measures.failed += 1;
    else if (outcome === 'ran') measures.latency.observe(ms, now);
    else measures.late[view.latency?.otherwise ?? 'null'] += 1;
  }

  /** Measurements of this process against every budget. */
  report(now: number): SloReport {
    const services = [...this.services.values()].map(({ service: { name }, latency }) =>
      seriesOf({ of: 'service', name, tier: null, measure: 'latency' }, latency, now),
    );
    const views = [...this.views.values()].flatMap(({ id: name, tier, latency, freshness }): readonly SloSeries[] => [
      seriesOf({ of: 'view', name, tier, measure: 'latency' }, latency, now),
      ...(tier === 'request' ? [] : [seriesOf({ of: 'view', name, tier, measure: 'freshness' }, freshness, now)]),
    ]);
    const models = [...this.models.values()].map(({ model: { name }, latency }) =>
      seriesOf({ of: 'model', name, tier: null, measure: 'latency' }, latency, now),
    );
    return { format: SLO_FORMAT, project: this.#project.name, series: [...services, ...models, ...views] };
  }

  #step({ service, tiers }: ServiceMeasures, { lookupMs, ageMs, streamMs, computeMs }: ReadSteps, now: number): void {
    const views = this.#lookups.get(service.name) ?? [];
    let batch = 0;
    for (let i = 0; i < views.length; i += 1) {
      const { tier, latency, freshness, age } = views[i];
      latency.observe(lookupMs[i], now);
      // All batch lookups share one read.
      if (tier === 'batch') batch = Math.max(batch, lookupMs[i]);
      if (!Number.isFinite(ageMs[i])) continue;
      age.add(ageMs[i]);
      // In the writer's process a streaming answer has no age: its events say how fresh it is.
      if (tier === 'batch' || ageMs[i] > 0) freshness.observe(ageMs[i], now);
    }
    if (views.some(({ tier }) => tier === 'streaming')) tiers.streaming.add(streamMs);
    if (views.some(({ tier }) => tier === 'batch')) tiers.batch.add(batch);
    if (service.computed.length > 0) tiers.request.add(computeMs);
  }

  #viewOf(view: ViewData): ViewMeasures {
    return this.views.get(viewId(view)) ?? viewMeasures(view);
  }
}

function viewId({ name, version }: ViewData): string {
  return `${name}@${version}`;
}

function viewMeasures(view: ViewData): ViewMeasures {
  return {
    view,
    id: viewId(view),
    tier: view.kind === 'streamView' ? 'streaming' : view.kind === 'batchView' ? 'batch' : 'request',
    latency: new BudgetSeries(view.latency?.withinMs ?? null),
    freshness: new BudgetSeries(view.kind === 'onDemandView' ? null : view.freshnessMs),
    age: new DurationHistogram(),
    stale: 0,
    late: { fail: 0, null: 0, lastKnown: 0 },
    failed: 0,
  };
}

function serviceMeasures(service: FeatureServiceData): ServiceMeasures {
  return {
    service,
    latency: new BudgetSeries(service.p99Ms),
    tiers: { request: new DurationHistogram(), streaming: new DurationHistogram(), batch: new DurationHistogram() },
    turnedAway: 0,
    missing: { nullKey: 0, past: 0, compute: 0, slow: 0, overflow: 0, noRun: 0 },
  };
}

function sourceMeasures(source: EventSourceData): SourceMeasures {
  return { source, servable: new DurationHistogram(), lateness: new DurationHistogram(), ahead: 0 };
}
