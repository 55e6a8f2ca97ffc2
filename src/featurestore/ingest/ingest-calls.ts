import type { HeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { OpenSpan, Tracer } from '../../base/tracer.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { ServingMeasures } from '../../observe/serving-measures.ts';
import type { DiskBudget } from '../disk/disk-budget.ts';
import type { RecentTimes } from '../online/recent-times.ts';
import type { Gateway, IngestSteps, PlaceOf } from './gateway.ts';
import { type IngestReport, loggedIn } from './ingest-report.ts';

export interface IngestCallsOptions {
  readonly gateway: Gateway;
  readonly disk: DiskBudget | undefined;
  readonly tracer: Tracer | null;
  readonly measures: ServingMeasures;
  readonly freshness: RecentTimes;
  /** Whether the tiles have the events when the gateway returns; otherwise another engine adds them later. */
  readonly areTilesOwn: boolean;
  /** Room for events in the queue of the history: null, or what a call waits for before it brings any. */
  readonly room: () => Promise<void> | null;
  /** Commits the waiting events, if they are many; the caller waits for the result. */
  readonly pressure: () => Promise<unknown> | null;
}

/** Takes events in calls: within the disk budget, measured and traced, and no faster than they can be committed. */
export class IngestCalls {
  readonly #options: IngestCallsOptions;

  constructor(options: IngestCallsOptions) {
    this.#options = options;
  }

  ingest(source: EventSourceData, events: readonly unknown[], trace?: OpenSpan | null): MaybePromise<IngestReport> {
    const room = this.#options.room();
    return room === null ? this.#ingest(source, events, trace) : room.then(() => this.#ingest(source, events, trace));
  }

  #ingest(source: EventSourceData, events: readonly unknown[], trace?: OpenSpan | null): MaybePromise<IngestReport> {
    const { disk, gateway, tracer } = this.#options;
    disk?.mustTake(events.length);
    const name = `ingest ${source.name}`;
    const span = trace === undefined ? (tracer?.begin(name) ?? null) : (trace?.child(name) ?? null);
    if (span !== null) return this.#ingestTraced(source, events, span);
    const started = performance.now();
    const report = gateway.ingest(source, events);
    if (report instanceof Promise) return report.then((later) => this.#ingested(source, started, later));
    return this.#ingested(source, started, report);
  }

  async bootstrap(source: EventSourceData, events: readonly unknown[]): Promise<IngestReport> {
    const { disk, gateway, room } = this.#options;
    await room();
    disk?.mustTake(events.length);
    const started = performance.now();
    return this.#ingested(source, started, await gateway.bootstrap(source, events));
  }

  async replay(source: EventSourceData, deliveries: readonly Delivery[]): Promise<void> {
    const { disk, gateway, room } = this.#options;
    await room();
    disk?.mustTake(deliveries.length);
    const started = performance.now();
    await this.#ingested(source, started, await gateway.replay(source, deliveries));
  }

  async take(source: EventSourceData, events: readonly unknown[], placeOf: PlaceOf): Promise<IngestReport> {
    const { disk, gateway, room } = this.#options;
    await room();
    disk?.mustTake(events.length, true);
    const started = performance.now();
    return this.#ingested(source, started, await gateway.ingest(source, events, null, placeOf));
  }

  async feed(source: EventSourceData, deliveries: readonly Delivery[]): Promise<IngestReport> {
    const { disk, gateway, room } = this.#options;
    await room();
    disk?.mustTake(deliveries.length, true);
    const started = performance.now();
    return this.#ingested(source, started, await gateway.feed(source, deliveries));
  }

  refuse(source: EventSourceData, payload: string, error: HeadraceError, place: string): void {
    this.#options.gateway.refuse(source, payload, error, place);
  }

  #ingestTraced(source: EventSourceData, events: readonly unknown[], span: OpenSpan): Promise<IngestReport> {
    const steps = new IngestTrace(span);
    const started = performance.now();
    return span.around(async () => {
      const report = await this.#options.gateway.ingest(source, events, steps);
      steps.end(report);
      return this.#ingested(source, started, report);
    });
  }

  #ingested(source: EventSourceData, started: number, report: IngestReport): MaybePromise<IngestReport> {
    const { measures, freshness, areTilesOwn, pressure } = this.#options;
    const now = performance.now();
    if (areTilesOwn) {
      freshness.add(now - started);
      if (loggedIn(report) > 0) measures.servable(source, now - started, now);
    }
    const eased = pressure();
    return eased === null ? report : eased.then(() => report);
  }
}

/** Makes the parts of a span of one call of the gateway: the log, then the tiles. Times of several partitions are added up. */
class IngestTrace implements IngestSteps {
  readonly #span: OpenSpan;
  #began = Number.NaN;
  #mark = Number.NaN;
  #appendMs = 0;
  #takeMs = 0;

  constructor(span: OpenSpan) {
    this.#span = span;
  }

  began(): void {
    this.#began = performance.now();
    this.#mark = this.#began;
  }

  appended(): void {
    this.#appendMs += this.#passed();
  }

  taken(): void {
    this.#takeMs += this.#passed();
  }

  /** Notes the parts, once the call is over. */
  end(report: IngestReport): void {
    const { accepted, duplicate, late, pending, refused } = report;
    this.#span.set({
      'headrace.accepted': accepted,
      'headrace.duplicate': duplicate,
      'headrace.late': late,
      'headrace.pending': pending,
      'headrace.refused': refused.length,
    });
    if (loggedIn(report) === 0) return;
    // A log that answers later hands its batches on by itself.
    if (this.#takeMs === 0) this.taken();
    const appended = this.#began + this.#appendMs;
    this.#span.past('log append', this.#began, appended);
    this.#span.past('materialise', appended, appended + this.#takeMs);
  }

  #passed(): number {
    const before = this.#mark;
    this.#mark = performance.now();
    return this.#mark - before;
  }
}
