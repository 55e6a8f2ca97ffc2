import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { OpenSpan, Tracer } from '../base/tracer.ts';
import { openReadStores, type ReadStores } from '../compose/compose.ts';
import { type Environment, resolveEnvironment } from '../environment/config.ts';
import { checkDeclaration } from '../environment/place-declaration.ts';
import type { FeatureServiceData, ProjectData } from '../features/define/declaration.ts';
import { FeatureReader } from '../featurestore/feature-reader.ts';
import { followedPart } from '../featurestore/followed-part.ts';
import { memoryPart } from '../featurestore/memory/memory-part.ts';
import type { ServedVector } from '../featurestore/online/served-vector.ts';
import { openPart } from '../observe/part-kind.ts';
import { Prometheus } from '../observe/prometheus.ts';
import { readsPart } from '../observe/reads-part.ts';
import type { SloReport } from '../observe/slo-report.ts';
import { degradedOf, type Status, statusOf, waitingOf } from '../observe/status.ts';
import { checkNotMoved } from '../operating/migrate/migration-files.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import type { Part } from '../ports/part.ts';
import type { OpenOptions } from './headrace.ts';

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
  readonly #parts: readonly Part[];
  readonly #metrics: Prometheus;
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
    const reads = { measures: features.measures, logged: (of: FeatureServiceData) => features.logged(of) };
    this.#parts = [
      openPart(readsPart, reads, { tick: () => features.tick() }),
      openPart(followedPart, features),
      openPart(memoryPart, () => features.memory()),
    ];
    this.#metrics = new Prometheus(this.#parts, clock);
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
      const { memoryBytes, sampleRate } = environment;
      const onComputeError = (_: unknown, error: unknown) => onFault(error);
      const features = await FeatureReader.open({
        project,
        online,
        memoryBytes,
        sampleRate,
        clock,
        names,
        tracer: traces?.tracer ?? null,
        onComputeError,
        onFault,
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

  /** Does the work that is due. Call it about once a second. */
  async tick(): Promise<void> {
    for (const part of this.#parts) await part.tick(this.#clock());
  }

  /** Everything that requests need and that is missing. */
  notReady(): readonly string[] {
    return waitingOf(this.#parts);
  }

  /** Everything that works, but not as declared. */
  degraded(): readonly string[] {
    return degradedOf(this.#parts, this.#clock());
  }

  /** Makes the spans of what is called; null where nothing is traced. */
  get tracer(): Tracer | null {
    return this.#stores.traces?.tracer ?? null;
  }

  status(): Status {
    const { namespace } = this.#environment;
    return statusOf(this.#parts, { project: this.project.name, namespace, now: this.#clock() });
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
