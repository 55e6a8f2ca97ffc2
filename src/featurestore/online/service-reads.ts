import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type { OpenSpan, Tracer } from '../../base/tracer.ts';
import type {
  FeatureServiceData,
  OnDemandViewData,
  ProjectData,
  StreamViewData,
} from '../../features/define/declaration.ts';
import { type TileLayout, tileLayout } from '../../features/tile/tile-layout.ts';
import type { ReadSteps } from '../../observe/measured-read.ts';
import type { ServingMeasures } from '../../observe/serving-measures.ts';
import type { TableAppend } from '../../ports/offline-store.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { ProfiledVector, VectorProfiles } from '../../ports/vector-profiles.ts';
import type { Value } from '../../schema/column.ts';
import { readInstant } from '../../schema/instant.ts';
import { type RowParser, requestParser } from '../../schema/row-parser.ts';
import type { SampleRoom } from '../skew/sampled-rows.ts';
import { ServedLog } from '../skew/served-log.ts';
import { type BatchReads, budgetedReads } from './budgeted-reads.ts';
import { budgetedTiles } from './budgeted-tiles.ts';
import { guardCompute } from './compute-guard.ts';
import { type ExplainedFrom, type ExplainedLookup, explainLookups } from './explain-lookups.ts';
import { RecentTimes } from './recent-times.ts';
import type { ServedVector, UnrecordedVector } from './served-vector.ts';
import type { TileSource } from './tile-source.ts';
import { traceRead } from './trace-read.ts';
import { userVector, type Vector } from './user-values.ts';
import { VectorReader } from './vector-reader.ts';
import { type VectorText, vectorText } from './vector-text.ts';

export interface ServiceReadsOptions {
  readonly project: ProjectData;
  readonly online: OnlineStore;
  readonly layouts: ReadonlyMap<StreamViewData, TileLayout>;
  readonly tiles: TileSource;
  readonly measures: ServingMeasures;
  readonly sampleRate: number;
  /** The memory for vectors of the sample until they are published. */
  readonly sampled: SampleRoom;
  readonly clock: Clock;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Prefix of the names of requests: two processes whose vectors are logged together have two. */
  readonly names?: string;
  /** Take every served vector; null: nothing is profiled. */
  readonly profiles?: VectorProfiles | null;
  /** null: reads are traced as parts of their callers' traces only. */
  readonly tracer?: Tracer | null;
}

interface OpenService {
  readonly parse: RowParser;
  readonly reader: VectorReader;
  readonly toUser: (vector: ServedVector) => Vector<Readonly<Record<string, Value>>>;
  readonly toText: VectorText;
  readonly log: ServedLog;
  readonly profile: ((vector: ProfiledVector) => void) | null;
}

/** Reads of vectors of a project's services, measured, a sample of them logged. Hot path. */
export class ServiceReads {
  /** Time of a read of a vector. */
  readonly times = new RecentTimes();
  readonly #measures: ServingMeasures;
  readonly #clock: Clock;
  readonly #names: string;
  readonly #tracer: Tracer | null;
  readonly #services: ReadonlyMap<string, OpenService>;
  readonly #explained: ExplainedFrom;
  #requests = 0;

  constructor(options: ServiceReadsOptions) {
    this.#measures = options.measures;
    this.#clock = options.clock;
    this.#names = options.names ?? 'r';
    this.#tracer = options.tracer ?? null;
    this.#explained = { tiles: options.tiles, layoutOf: (view) => options.layouts.get(view) ?? tileLayout(view) };
    this.#services = new Map(options.project.services.map((service) => [service.name, openService(service, options)]));
  }

  /**
   * Reads a vector; `id` names the request in the log of served vectors, `trace` is the parent span (null: not traced).
   * Errors: REQUEST_*, INSTANT_*, SERVICE_UNKNOWN.
   */
  read(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    id?: string,
    trace?: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    return this.#readAs(asItIs, service, request, this.#asOf(at), id, trace);
  }

  /** The instant of a read, which its caller sends. Errors: INSTANT_*. */
  #asOf(at: number | undefined): number | undefined {
    return at === undefined ? undefined : readInstant(at, this.#clock(), AS_OF);
  }

  /**
   * Reads a vector for a use that is not certain yet: nothing of it is recorded. `at` has been judged
   * already, as the time of an event. `id`: as `record` will name it. Errors: as `read`.
   */
  look(service: FeatureServiceData, request: unknown, at: number, id: string): MaybePromise<UnrecordedVector> {
    const { parse, reader, log } = this.#serviceOf(service.name);
    const row = parse(request);
    const started = performance.now();
    const seen = (vector: ServedVector) => ({ request: row, vector, tookMs: performance.now() - started });
    const vector = reader.read(row, at, log.wants(id));
    return vector instanceof Promise ? vector.then(seen) : seen(vector);
  }

  /** A vector with the tiles behind its stream lookups, for a person: nothing of it is recorded. Errors: as `read`. */
  async explain(
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
  ): Promise<{
    readonly vector: Vector<Readonly<Record<string, Value>>>;
    readonly lookups: readonly ExplainedLookup[];
  }> {
    const { parse, reader, toUser } = this.#serviceOf(service.name);
    const row = parse(request);
    const vector = await reader.read(row, this.#asOf(at), false);
    const shown = toUser(vector);
    return { vector: shown, lookups: await explainLookups(vector.service, row, vector.at, this.#explained) };
  }

  /** Records a vector that was used, under the id of its use: profile, sample for the audit and, of a read, figures. */
  record(id: string, { request, vector, tookMs }: UnrecordedVector): void {
    const { profile, log } = this.#serviceOf(vector.service.name);
    if (tookMs !== null) this.#answered(vector, tookMs, null);
    profile?.(vector);
    if (log.wants(id)) log.add(id, request, vector);
  }

  /** Reads a vector and makes something of it: in one step, where it has to be waited for. */
  #readAs<T>(
    make: (vector: ServedVector) => T,
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
    id: string | undefined,
    trace: OpenSpan | null | undefined,
  ): MaybePromise<T> {
    if (trace !== null && (trace !== undefined || this.#tracer !== null)) {
      const name = `features ${service.name}`;
      const span = trace === undefined ? this.#tracer?.begin(name) : trace.child(name);
      if (span != null) return this.#readTraced(make, service, request, at, id, span);
    }
    return this.#read(make, service, request, at, id, this.#measures.stepsOf(service));
  }

  #readTraced<T>(
    make: (vector: ServedVector) => T,
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
    id: string | undefined,
    span: OpenSpan,
  ): MaybePromise<T> {
    const steps = this.#measures.newSteps(service);
    const started = performance.now();
    const read = (vector: ServedVector): T => {
      traceRead(span, vector, steps, started);
      return make(vector);
    };
    const failed = (error: unknown): never => {
      span.end(error);
      throw error;
    };
    try {
      const vector = this.#read(asItIs, service, request, at, id, steps);
      return vector instanceof Promise ? vector.then(read, failed) : read(vector);
    } catch (error) {
      return failed(error);
    }
  }

  #read<T>(
    make: (vector: ServedVector) => T,
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
    id: string | undefined,
    steps: ReadSteps | null,
  ): MaybePromise<T> {
    const open = this.#serviceOf(service.name);
    const row = open.parse(request);
    this.#requests += 1;
    const logged = id === undefined ? open.log.wantsNth(this.#requests) : open.log.wants(id);
    const name = logged ? (id ?? this.#requestName()) : null;
    const started = performance.now();
    const vector = open.reader.read(row, at, logged, steps);
    if (vector instanceof Promise)
      return vector.then((read) => {
        this.#answered(read, performance.now() - started, steps);
        open.profile?.(read);
        if (name !== null) open.log.add(name, row, read);
        return make(read);
      });
    this.#answered(vector, performance.now() - started, steps);
    open.profile?.(vector);
    if (name !== null) open.log.add(name, row, vector);
    return make(vector);
  }

  /** Reads a vector as users see it. */
  vector(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<Vector<Readonly<Record<string, Value>>>> {
    return this.#readAs(this.#serviceOf(service.name).toUser, service, request, this.#asOf(at), undefined, trace);
  }

  /** Reads a vector as JSON text. */
  text(service: FeatureServiceData, request: unknown, at?: number, trace?: OpenSpan | null): MaybePromise<string> {
    return this.#readAs(this.#serviceOf(service.name).toText, service, request, this.#asOf(at), undefined, trace);
  }

  /** Tiles that the last read of a service merged. */
  tilesMerged(service: FeatureServiceData): number {
    return this.#serviceOf(service.name).reader.merged;
  }

  /** Vectors of a service logged since the start. */
  logged(service: FeatureServiceData): number {
    return this.#serviceOf(service.name).log.logged;
  }

  /** The vectors logged since the last drain, by table. */
  drain(): readonly TableAppend[] {
    return [...this.#services.values()].map(({ log }) => log.drain()).filter(({ rows }) => rows > 0);
  }

  #answered(vector: ServedVector, tookMs: number, steps: ReadSteps | null): void {
    this.times.add(tookMs);
    this.#measures.served(vector, tookMs, steps, performance.now());
  }

  /** A name for a request without one: unique within the process's life, and over lives by its time. */
  #requestName(): string {
    return `${this.#names}${this.#clock().toString(36)}-${this.#requests.toString(36)}`;
  }

  #serviceOf(name: string): OpenService {
    const service = this.#services.get(name);
    if (service === undefined) throw fail('SERVICE_UNKNOWN', { service: name, known: [...this.#services.keys()] });
    return service;
  }
}

const AS_OF = { where: 'a read', column: 'at' } as const;

function asItIs(vector: ServedVector): ServedVector {
  return vector;
}

function openService(service: FeatureServiceData, options: ServiceReadsOptions): OpenService {
  const { measures, layouts, clock, onComputeError } = options;
  const reader = new VectorReader({
    service,
    readBatch: batchReads(service, options),
    computeOf: (view) =>
      guardCompute(
        view,
        () => performance.now(),
        (outcome, ms) => measures.computed(view, outcome, ms, performance.now()),
      ),
    clock,
    onComputeError: (view, error) => {
      measures.computed(view, 'failed', 0, performance.now());
      onComputeError(view, error);
    },
    layoutOf: (view) => layouts.get(view) ?? tileLayout(view),
    tiles: streamTiles(service, options),
  });
  return {
    parse: requestParser(service.name, service.request, clock),
    reader,
    toUser: userVector(service),
    toText: vectorText(service),
    log: new ServedLog(service, options.sampleRate, options.sampled),
    profile: options.profiles?.takerOf(service) ?? null,
  };
}

function batchReads({ lookups }: FeatureServiceData, { online, measures }: ServiceReadsOptions): BatchReads {
  const views = lookups.flatMap(({ view }) => (view.kind === 'batchView' ? [view] : []));
  return budgetedReads(online, views, (viewId, choice) => measures.late(viewId, choice));
}

function streamTiles({ lookups }: FeatureServiceData, { tiles, measures }: ServiceReadsOptions): TileSource {
  const views = lookups.flatMap(({ view }) => (view.kind === 'streamView' ? [view] : []));
  return budgetedTiles(tiles, views, (viewId, choice) => measures.late(viewId, choice));
}
