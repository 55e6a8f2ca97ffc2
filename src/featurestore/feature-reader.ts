import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { OpenSpan, Tracer } from '../base/tracer.ts';
import { noTrouble, type Trouble } from '../base/trouble.ts';
import type {
  FeatureServiceData,
  OnDemandViewData,
  ProjectData,
  StreamViewData,
} from '../features/define/declaration.ts';
import { type TileLayout, tileLayout } from '../features/tile/tile-layout.ts';
import { ServingMeasures } from '../observe/serving-measures.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import type { OnlineStore } from '../ports/online-store.ts';
import type { VectorProfiles } from '../ports/vector-profiles.ts';
import { isFilled } from './fill-marks.ts';
import { HotTiles } from './hotkeys/hot-tiles.ts';
import { type MemoryReport, rowBytesOf } from './memory/memory-part.ts';
import { FollowedTiles } from './online/followed-tiles.ts';
import type { ServedVector } from './online/served-vector.ts';
import { ServiceReads } from './online/service-reads.ts';
import { storeTiles } from './online/store-tiles.ts';
import type { TileSource } from './online/tile-source.ts';
import type { SampleRoom } from './skew/sampled-rows.ts';

export interface FeatureReaderOptions {
  readonly project: ProjectData;
  /** Opened to be read. */
  readonly online: OnlineStore;
  readonly memoryBytes: number;
  readonly sampleRate: number;
  /** The memory for rows of the sample until the process that writes takes them. */
  readonly sampled: SampleRoom;
  /** Take every served vector; null: nothing is profiled. */
  readonly profiles: VectorProfiles | null;
  readonly clock: Clock;
  /** null: nothing is traced. */
  readonly tracer: Tracer | null;
  /** Prefix of the names of logged requests. */
  readonly names: string;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Called when a store does not answer, once while the fault lasts. */
  readonly onFault: (error: unknown) => void;
}

/** Where a reader's tiles come from, by the kind of store. */
interface Tiles {
  readonly source: TileSource;
  /** Before the first read of a request. */
  readonly begin: () => void;
  /** About once a second. */
  readonly tick: () => Promise<void>;
  /** Whether the writer was heard of lately, as far as the store tells without a read. */
  readonly isFollowing: () => boolean;
  /** null: nothing of it is kept. */
  readonly memory: () => FollowedTiles['memory'] | null;
}

/** Vectors out of a store that another process writes. */
export class FeatureReader {
  readonly measures: ServingMeasures;
  readonly #reads: ServiceReads;
  readonly #tiles: Tiles;
  readonly #options: FeatureReaderOptions;
  readonly #trouble: Trouble;

  private constructor(options: FeatureReaderOptions, reads: ServiceReads, measures: ServingMeasures, tiles: Tiles) {
    const { onFault } = options;
    this.#options = options;
    this.#reads = reads;
    this.measures = measures;
    this.#tiles = tiles;
    this.#trouble = noTrouble(onFault);
  }

  /** Finds the tiles of every view in the store. Errors: READER_VIEW, STORE_CAPABILITY. */
  static async open(options: FeatureReaderOptions): Promise<FeatureReader> {
    const { project, online } = options;
    const layouts = new Map<StreamViewData, TileLayout>();
    for (const view of project.views) if (view.kind === 'streamView') layouts.set(view, tileLayout(view));
    for (const layout of layouts.values())
      if (!(await isFilled(layout, online)))
        throw fail('READER_VIEW', { view: `${layout.view.name}@${layout.view.version}` });
    const measures = new ServingMeasures(project);
    const tiles = tilesOf(layouts.values(), options);
    const reads = new ServiceReads({ ...options, layouts, tiles: tiles.source, measures });
    return new FeatureReader(options, reads, measures, tiles);
  }

  /** Reads a vector, as of the newest commit. Errors: REQUEST_*, SERVICE_UNKNOWN. */
  read(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    this.#tiles.begin();
    return this.#reads.read(service, request, at, undefined, trace);
  }

  /** Reads a vector; `id` names the request in the log of served vectors. Errors: as `read`. */
  readAs(
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
    id: string,
    trace: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    this.#tiles.begin();
    return this.#reads.read(service, request, at, id, trace);
  }

  /** Reads a vector as JSON text. */
  text(service: FeatureServiceData, request: unknown, at?: number, trace?: OpenSpan | null): MaybePromise<string> {
    this.#tiles.begin();
    return this.#reads.text(service, request, at, trace);
  }

  /** Whether the writer was heard of lately; of a store behind a network every answer says so for itself. */
  get isFollowing(): boolean {
    return this.#tiles.isFollowing();
  }

  /** Vectors of a service logged since the start. */
  logged(service: FeatureServiceData): number {
    return this.#reads.logged(service);
  }

  /** The vectors logged since the last drain, for the process that writes the history. */
  drain(): readonly TableAppend[] {
    return this.#reads.drain();
  }

  /** Memory that grows with keys. */
  memory(): MemoryReport {
    const { online, memoryBytes } = this.#options;
    const { bytes, busyBytes, keys, evicted } = this.#tiles.memory() ?? { bytes: 0, busyBytes: 0, keys: 0, evicted: 0 };
    const parts = { tiles: bytes, ...online.memory?.() };
    return {
      budgetBytes: memoryBytes,
      historyBytes: 0,
      parts,
      uncommittedBytes: busyBytes,
      keys,
      evicted,
      queues: [this.#options.sampled.report()],
    };
  }

  /** Why the store did not answer when it was last asked; null: it did. */
  get storeTrouble(): Error | null {
    return this.#trouble.now;
  }

  /** Hears which keys are hot elsewhere, and whether the store answers; call it about once a second. */
  async tick(): Promise<void> {
    try {
      await this.#tiles.tick();
      this.#trouble.over();
    } catch (error) {
      this.#trouble.met(error);
    }
  }
}

function tilesOf(layouts: Iterable<TileLayout>, { online, memoryBytes, clock }: FeatureReaderOptions): Tiles {
  if (online.remote !== undefined) {
    const hot = new HotTiles(online.remote, clock);
    return {
      source: storeTiles(hot),
      begin: () => undefined,
      tick: () => hot.share(),
      isFollowing: () => true,
      memory: () => null,
    };
  }
  if (online.follow === undefined) throw fail('STORE_CAPABILITY', { capability: 'sharedReads' });
  const followed = new FollowedTiles(online, layouts, memoryBytes - rowBytesOf(memoryBytes));
  const isFollowing = () => {
    followed.follow();
    return followed.isFollowing(clock());
  };
  return {
    source: followed.source(clock),
    begin: () => followed.follow(),
    tick: async () => undefined,
    isFollowing,
    memory: () => followed.memory,
  };
}
