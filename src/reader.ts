import { fail } from './base/errors/fail.ts';
import type { MaybePromise } from './base/maybe-promise.ts';
import type { Clock } from './base/time.ts';
import type { OpenSpan, Tracer } from './base/tracer.ts';
import { openReadStores, type ReadStores } from './compose.ts';
import { type Environment, resolveEnvironment } from './config.ts';
import type { FeatureServiceData, ProjectData } from './features/define/declaration.ts';
import { FeatureReader } from './featurestore/feature-reader.ts';
import type { ServedVector } from './featurestore/online/served-vector.ts';
import type { OpenOptions } from './headrace.ts';
import { Metrics } from './metrics.ts';
import type { SloReport } from './monitoring/slo/slo-report.ts';
import { checkNotMoved } from './operating/migrate/migration-files.ts';
import { checkDeclaration } from './place-declaration.ts';
import type { TableAppend } from './ports/offline-store.ts';
import { type Status, statusOf } from './status.ts';

/** Opens a project to read vectors beside the process that writes it. Errors: READER_VIEW, those of the store. */
export async function openReader(options: OpenOptions): Promise<Reader> {
  const environment = resolveEnvironment('local', options.environment ?? {}, options.project.name);
  return Reader.open(options.project, environment, options.clock ?? Date.now, options.onFault ?? (() => undefined));
}

/**
 * A project's vectors in a process that writes nothing: any number of them read the tiles that one process writes, on its
 * machine from the embedded store, elsewhere from Redis. They answer as of the writer's last commit, and say how old that is.
 */
export class Reader {
  readonly project: ProjectData;
  readonly directory: string;
  readonly #environment: Environment;
  readonly #stores: ReadStores;
  readonly #features: FeatureReader;
  readonly #metrics: Metrics;
  readonly #clock: Clock;

  private constructor(
    project: ProjectData,
    environment: Environment,
    stores: ReadStores,
    features: FeatureReader,
    clock: Clock,
  ) {
    this.project = project;
    this.directory = environment.directory;
    this.#environment = environment;
    this.#stores = stores;
    this.#features = features;
    this.#clock = clock;
    this.#metrics = new Metrics({
      measures: features.measures,
      counters: () => new Map(),
      batchHealth: () => [],
      logged: () => new Map(project.services.map((service) => [service.name, features.logged(service)])),
      servedLost: () => 0,
      skewVerdicts: () => [],
      outcomes: () => new Map(),
      disk: () => null,
      intake: () => null,
      lag: () => [],
      topics: () => [],
      unreadable: () => [],
      clock,
    });
  }

  /** `names` begins the names of its logged requests: one for each of the processes that serve a project. Error: MIGRATE_MOVED. */
  static async open(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
    names = `${process.pid.toString(36)}-`,
  ): Promise<Reader> {
    checkNotMoved(environment.directory);
    return Reader.openMigrating(project, environment, clock, onFault, names);
  }

  /** Opens either side of a migration, also one that has moved: for the migration alone. */
  static async openMigrating(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
    names: string,
  ): Promise<Reader> {
    checkDeclaration(project, environment.directory);
    const stores = await openReadStores(environment, onFault);
    const { online, traces } = stores;
    try {
      const { cacheKeys, sampleRate } = environment;
      const onComputeError = (_: unknown, error: unknown) => onFault(error);
      const features = await FeatureReader.open({
        project,
        online,
        cacheKeys,
        sampleRate,
        clock,
        names,
        tracer: traces?.tracer ?? null,
        onComputeError,
      });
      return new Reader(project, environment, stores, features, clock);
    } catch (error) {
      await online.close();
      await traces?.close();
      throw error;
    }
  }

  /** A declared feature service by name. Error: SERVICE_UNKNOWN. */
  service(name: string): FeatureServiceData {
    const found = this.project.services.find((service) => service.name === name);
    if (found !== undefined) return found;
    throw fail('SERVICE_UNKNOWN', { service: name, known: this.project.services.map((service) => service.name) });
  }

  /** Reads a feature vector as of `at` (now). Errors: REQUEST_*. */
  read(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    return this.#features.read(service, request, at, trace);
  }

  /** Reads a vector as JSON text: what the HTTP route answers. */
  vectorText(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<string> {
    return this.#features.text(service, request, at, trace);
  }

  /** Notes a request of a service that was turned away because more came than could be answered. */
  turnedAway(service: FeatureServiceData): void {
    this.#features.measures.turnedAway(service);
  }

  /** The logged vectors since the last call, for the process that writes the history. */
  drainServed(): readonly TableAppend[] {
    return this.#features.drain();
  }

  /** Does what is due. Call it about once a second. */
  tick(): Promise<void> {
    return this.#features.tick();
  }

  /** Nothing: what it reads was there when it was opened. */
  notReady(): readonly string[] {
    return [];
  }

  /** What is served, but not as declared. */
  degraded(): readonly string[] {
    return this.#features.isFollowing
      ? []
      : ['the process that writes the tiles has not been heard of for two seconds'];
  }

  /** Makes the spans of what is called; null where nothing is traced. */
  get tracer(): Tracer | null {
    return this.#stores.traces?.tracer ?? null;
  }

  status(): Status {
    return statusOf({
      report: this.slo(),
      namespace: this.#environment.namespace,
      at: this.#clock(),
      waiting: this.notReady(),
      degraded: this.degraded(),
      measures: this.#features.measures,
      counters: new Map(),
      batch: [],
      skew: [],
      lag: [],
      topics: [],
    });
  }

  /** Every declared budget, and what this process measured against it in the last hour. */
  slo(): SloReport {
    return this.#features.measures.report(performance.now());
  }

  /** Prometheus text. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    return this.#metrics.text();
  }

  async close(): Promise<void> {
    await this.#stores.online.close();
    await this.#stores.traces?.close();
  }
}
