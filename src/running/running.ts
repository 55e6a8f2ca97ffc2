import { fail, isHeadraceError } from '../base/errors/fail.ts';
import type { Clock } from '../base/time.ts';
import type { Tracer } from '../base/tracer.ts';
import type { Environment } from '../environment/config.ts';
import type { FeatureServiceData, ProjectData } from '../features/define/declaration.ts';
import { MetricExport } from '../observe/metric-export.ts';
import { Prometheus } from '../observe/prometheus.ts';
import type { ServingMeasures } from '../observe/serving-measures.ts';
import type { SloReport } from '../observe/slo-report.ts';
import { degradedOf, type Status, statusOf, waitingOf } from '../observe/status.ts';
import type { Part } from '../ports/part.ts';
import { projectPackage } from '../process/project-package.ts';
import type { ModelHost } from '../serving/oip/model-host.ts';

/** The version of the Open Inference Protocol. */
const PROTOCOL_VERSION = '2';

export interface RunningOptions {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly clock: Clock;
  /** Receives failures of background work. */
  readonly onFault: (error: unknown) => void;
  /** In the order of their work. */
  readonly parts: readonly Part[];
  readonly measures: ServingMeasures;
  /** Models that answer callers who send tensors. */
  readonly host: ModelHost;
  /** null: nothing is traced. */
  readonly tracer: Tracer | null;
}

/** Common to a project that writes and one that only reads: named services, and figures and health of their parts. */
export abstract class Running<S extends Status> {
  readonly project: ProjectData;
  /** The directory of the environment's data. */
  readonly directory: string;
  /** Makes spans for calls; null: nothing is traced. */
  readonly tracer: Tracer | null;
  readonly #options: RunningOptions;
  readonly #metrics: Prometheus;
  readonly #export: MetricExport | null;

  constructor(options: RunningOptions) {
    const { project, environment, tracer, parts, clock, onFault } = options;
    this.project = project;
    this.directory = environment.directory;
    this.tracer = tracer;
    this.#options = options;
    this.#metrics = new Prometheus(projectPackage('prom-client'), parts, clock);
    const { otlp, everyMs } = environment.metrics;
    const service = project.name;
    this.#export = otlp === undefined ? null : new MetricExport({ parts, url: otlp, everyMs, service, clock, onFault });
  }

  /** A declared feature service by name. Error: SERVICE_UNKNOWN. */
  service(name: string): FeatureServiceData {
    const { services } = this.project;
    const service = services.find((one) => one.name === name);
    if (service === undefined) throw fail('SERVICE_UNKNOWN', { service: name, known: services.map((one) => one.name) });
    return service;
  }

  /** Counts a request of a service that was rejected because more came than could be answered. */
  turnedAway(service: FeatureServiceData): void {
    this.#options.measures.turnedAway(service);
  }

  /** The models that answer callers who send tensors. */
  get models(): ModelHost {
    return this.#options.host;
  }

  /** Name and version of the server, as clients of the Open Inference Protocol read them. */
  get inferenceServer(): { readonly name: string; readonly version: string } {
    return { name: this.#options.environment.models.serverName, version: PROTOCOL_VERSION };
  }

  /**
   * Does the work that is due by the clock. Call it about once a second. It may throw an earlier failure of background work, once
   * every part had its turn. Work that found no memory is reported and stays due.
   */
  async tick(): Promise<void> {
    const { parts, clock, onFault } = this.#options;
    const failures: unknown[] = [];
    for (const part of parts) await part.tick(clock()).catch((error: unknown) => failures.push(error));
    this.#export?.tick(performance.now());
    const isBusy = (error: unknown) => isHeadraceError(error) && error.code === 'OFFLINE_MEMORY';
    for (const error of failures.filter(isBusy)) onFault(error);
    const [first, ...rest] = failures.filter((error) => !isBusy(error));
    for (const error of rest) onFault(error);
    if (first !== undefined) throw first;
  }

  /** Everything that requests need and that is missing, such as a required model without a champion. */
  notReady(): readonly string[] {
    return waitingOf(this.#options.parts);
  }

  /** Everything that works, but not as declared: a batch view that is overdue, a service that differs from the history. */
  degraded(): readonly string[] {
    return degradedOf(this.#options.parts, this.#options.clock());
  }

  /** The state of the project: events in, features served, faults. */
  status(): S {
    const { parts, clock, environment, project } = this.#options;
    return statusOf(parts, { project: project.name, namespace: environment.namespace, now: clock() });
  }

  /** Every declared budget, with the measurements of this process in the last hour. */
  slo(): SloReport {
    return this.#options.measures.report(performance.now());
  }

  /** Prometheus text. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    return this.#metrics.text();
  }
}
