import type { EventSourceData, FeatureServiceData } from '../features/define/declaration.ts';
import type { DamagedFile } from '../ports/offline-store.ts';
import type { StoreCheck } from '../ports/online-store.ts';
import type { BatchHealth } from './batch/scheduled-view.ts';
import type { SourceCounters, Unwritten } from './ingest/ingest-part.ts';
import { type ReaderLag, sharesLag } from './materialise/reader-lag.ts';
import type { TileHealth } from './materialise/tile-intake.ts';
import type { UnreadableReport } from './materialise/unreadable-records.ts';
import type { MemoryReport } from './memory/memory-part.ts';
import type { OpenStore } from './open-store.ts';
import { type Unstored, unstoredOf } from './publish-storable.ts';
import type { SkewVerdict } from './skew/skew-schedule.ts';

/** The facts of a feature store: the sources of its parts' figures, health and status. */
export class StoreFacts {
  readonly #of: OpenStore;

  constructor(of: OpenStore) {
    this.#of = of;
  }

  counters(source: EventSourceData): SourceCounters {
    const { gateway, materialiser } = this.#of;
    return { gateway: gateway.counters(source), admission: materialiser.judge.counters(source) };
  }

  /** By source, the largest ingest time that its log is known to have. */
  ingested(): readonly (readonly [source: string, largestTs: number])[] {
    const { gateway, options } = this.#of;
    return options.project.sources.map((source) => [source.name, gateway.largestIngestTs(source)]);
  }

  /** By partition, the offsets below which the events of a source are judged here. Error: EVENT_SOURCE. */
  judgedTo(source: EventSourceData): readonly number[] {
    return this.#of.materialiser.judge.stateOf(source).next;
  }

  /** Memory that grows with keys. */
  memory(): MemoryReport {
    const { materialiser, options, verdicts, cycle } = this.#of;
    const { busyBytes, keys, evicted } = materialiser.tiles;
    return {
      budgetBytes: options.memoryBytes,
      historyBytes: options.historyMemoryBytes ?? 0,
      parts: { ...materialiser.memory(), verdicts: verdicts.bytes },
      uncommittedBytes: busyBytes,
      keys,
      evicted,
      queues: [cycle.queue(), ...(options.otherQueues?.() ?? [])],
    };
  }

  /** How far the online store has been checked; null: it is always whole. */
  storeCheck(): StoreCheck | null {
    return this.#of.options.online.check?.() ?? null;
  }

  /** How the tiles of another engine come; null: this process computes them. */
  get intake(): TileHealth | null {
    const { materialiser, apart } = this.#of;
    const { intake } = materialiser;
    return intake === null || apart === null ? intake : apart.served(intake);
  }

  /** Whether this process makes the tiles. */
  get makesTiles(): boolean {
    return !this.#of.materialiser.areTilesElsewhere;
  }

  /** Events that arrived before this instant, epoch ms, are in tiles that are made elsewhere; null: this process makes them. */
  get tilesFreshUntil(): number | null {
    if (this.intake !== null) return this.intake.progress.freshUntil;
    return this.makesTiles ? null : (this.#of.apart?.freshUntil ?? null);
  }

  /** How far the readers of topics that others write too are behind; empty for a log in the directory. */
  lag(): readonly ReaderLag[] {
    const { materialiser, apart, options } = this.#of;
    const shared = materialiser.intake === null ? (apart?.places ?? []) : [];
    return [...materialiser.lag(), ...sharesLag(options.log, materialiser.judge.states, shared)];
  }

  /** Records of a shared log that cannot be read. */
  unreadable(): readonly UnreadableReport[] {
    return this.#of.materialiser.unreadable.reports();
  }

  /** The last scheduled skew audit of each service since the start. */
  skewVerdicts(): readonly SkewVerdict[] {
    return this.#of.skew.verdicts();
  }

  /** Logged rows that could not be published and were dropped. */
  get servedLost(): number {
    return this.#of.served.lost + this.#of.sampled.lost;
  }

  /** Rows that the history cannot hold in their table, by table. */
  unstored(): readonly Unstored[] {
    return unstoredOf(this.#of.options.offline.tables());
  }

  /** Files of the history whose bytes are not those that were published. */
  damaged(): readonly DamagedFile[] {
    return this.#of.options.offline.damaged();
  }

  /** The runs of every batch view. */
  batchHealth(): readonly BatchHealth[] {
    return this.#of.batch.health();
  }

  /** Vectors logged for the audit since the start, by service. */
  logged(service: FeatureServiceData): number {
    return this.#of.reads.logged(service);
  }

  /** The fault that keeps a store over a network from having all of the log; null: none. */
  get storeTrouble(): Error | null {
    return this.#of.materialiser.remote?.trouble ?? null;
  }

  /** Accepted events that are not in every store, as far as is known without a request. */
  unwritten(): Unwritten {
    const { archive, materialiser, sampled, served } = this.#of;
    const { deliveries, tiles } = archive.waiting;
    return {
      uncommitted: materialiser.uncommittedPlaces(),
      unpublished: deliveries + tiles,
      vectors: sampled.rows + served.waiting,
    };
  }
}
