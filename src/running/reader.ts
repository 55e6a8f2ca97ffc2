import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { OpenSpan } from '../base/tracer.ts';
import { type Environment, resolveEnvironment } from '../environment/config.ts';
import { environmentClock } from '../environment/environment-clock.ts';
import type { FeatureServiceData, ProjectData } from '../features/define/declaration.ts';
import type { FeatureReader } from '../featurestore/feature-reader.ts';
import { followedPart } from '../featurestore/followed-part.ts';
import { memoryPart } from '../featurestore/memory/memory-part.ts';
import type { ServedVector } from '../featurestore/online/served-vector.ts';
import { openClockPart } from '../observe/clock-part.ts';
import { openHeapPart } from '../observe/heap-part.ts';
import { openPart } from '../observe/part-kind.ts';
import { readsPart } from '../observe/reads-part.ts';
import type { Status } from '../observe/status.ts';
import { checkNotMoved } from '../operating/migrate/migration-files.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import type { Site } from '../site/site.ts';
import { inferencePart } from '../versions/inference-part.ts';
import type { OpenOptions } from './headrace.ts';
import { type OpenReader, openReaderParts, type ReaderPlace } from './open-reader.ts';
import type { ReaderProfiles } from './reader-profiles.ts';
import { Running } from './running.ts';
import type { WorkerPredictions } from './worker-predictions.ts';

/** Opens a project to read vectors while another process writes it. Errors: READER_VIEW, those of the store. */
export async function openReader(options: OpenOptions): Promise<Reader> {
  const environment = resolveEnvironment('local', options.environment ?? {}, options.project.name);
  return Reader.open(
    options.project,
    environment,
    options.clock ?? environmentClock(environment.directory, { keeps: false }),
    options.onFault ?? (() => undefined),
  );
}

/**
 * A project's vectors in a process that writes nothing: any number of them read the tiles that one process writes, on its
 * machine from the embedded store, elsewhere from Redis. They answer as of the writer's last commit, and say how old that is.
 */
export class Reader extends Running<Status> {
  readonly #site: Site;
  readonly #features: FeatureReader;
  readonly #profiles: ReaderProfiles;
  /** Predictions of a process of a group; null: it has no way to the log. */
  readonly predicting: WorkerPredictions | null;

  private constructor({ site, features, profiles, predictions, ...place }: OpenReader) {
    const { host } = place;
    const { measures } = features;
    const queues = () => predictions?.queues() ?? [];
    const reads = { measures, logged: (of: FeatureServiceData) => features.logged(of) };
    const parts = [
      openPart(readsPart, reads, { tick: () => features.tick() }),
      openPart(followedPart, features),
      openPart(memoryPart, () => ({ ...features.memory(), queues: [...features.memory().queues, ...queues()] })),
      openHeapPart(place.environment.heapBytes),
      openClockPart({ clock: place.clock, ingested: () => [] }),
      ...(predictions?.parts() ?? []),
      openPart(inferencePart, host, { tick: () => host.tick() }),
      profiles.part(),
    ];
    super({ ...place, parts, measures });
    this.#site = site;
    this.#features = features;
    this.predicting = predictions;
    this.#profiles = profiles;
  }

  /** Error: MIGRATE_MOVED. */
  static async open(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
    place: ReaderPlace = {},
  ): Promise<Reader> {
    checkNotMoved(environment.directory);
    return Reader.openMigrating(project, environment, clock, onFault, place);
  }

  /** Opens either side of a migration, also one that has moved: for the migration alone. */
  static async openMigrating(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
    place: ReaderPlace,
  ): Promise<Reader> {
    return new Reader(await openReaderParts(project, environment, clock, onFault, place));
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

  /** The logged vectors since the last call, for the process that writes the history. */
  drainServed(): readonly TableAppend[] {
    return [...this.#features.drain(), ...(this.predicting?.drainFed() ?? [])];
  }

  /** Hands over rows of the profiles of intervals that are over, or of all, for the process that writes the history. */
  handProfiles(everything: boolean, take: (rows: readonly Uint8Array[]) => Promise<void>): Promise<void> {
    return this.#profiles.handOver(everything, take);
  }

  /** Notes that somebody has the rows. */
  noteProfiles(): void {
    this.#profiles.note();
  }

  /** Notes rows that nobody takes. */
  loseProfiles(rows: number): void {
    this.#profiles.lostRows += rows;
  }

  async close(): Promise<void> {
    await this.#profiles.close();
    await this.models.close();
    await this.predicting?.close();
    await this.#site.close();
  }
}
