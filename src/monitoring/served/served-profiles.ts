import type { Clock } from '../../base/time.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ProfiledVector, VectorProfiles } from '../../ports/vector-profiles.ts';
import { isEventTime } from '../../schema/instant.ts';
import { encodeProfileRow } from './profile-row.ts';
import { type DrainedRows, ProfileSlots, type ServiceBins } from './profile-slots.ts';
import { ProfileThread } from './profile-thread.ts';
import { type ProfiledService, profiledService } from './profiled-service.ts';
import type { LostCounts, UnsentCount, UnsentCounts } from './unsent-counts.ts';
import { batchSize, batchWriter, emptyBatch, type VectorBatch } from './vector-batch.ts';

export interface ServedProfilesOptions {
  readonly services: readonly FeatureServiceData[];
  /** Length of an interval, ms. */
  readonly everyMs: number;
  readonly host: string;
  /** Name of the process: no two have the same. */
  readonly process: string;
  readonly clock: Clock;
  readonly unsent: UnsentCounts;
  /** Counts of rows that have left the sketches and wait for room in the log. */
  readonly held?: () => readonly UnsentCount[];
  /** Vectors that a process profiles on the loop of its answers, before it starts a thread for them. */
  readonly apartFrom?: number;
  readonly onFault: (error: unknown) => void;
}

/** Figures of one service. */
export interface ServiceCounts {
  readonly service: string;
  /** Vectors served since the start. */
  served: number;
  /** Those of them that are in no profile. */
  unprofiled: number;
}

interface OpenService {
  readonly service: ProfiledService;
  readonly place: number;
  readonly counts: ServiceCounts;
  batch: VectorBatch;
  /** Vectors that are in no row that has left. */
  unsent: number;
  /** Vectors that were not profiled, and no row says so yet. */
  dropped: number;
  /** The instant of the last vector that was passed on; null: none was. */
  lastAt: number | null;
}

const NOTHING: DrainedRows = { rows: [], vectors: [], dropped: [], more: false };

/** Below it a thread would cost more than it takes off the loop. */
const APART_FROM = 20_000;

/**
 * Profiles every vector that a process serves. A served vector costs a copy of its values into a buffer; full buffers are sketched in
 * turns of the loop while they are few, and by a thread once they are many.
 */
export class ServedProfiles implements VectorProfiles {
  readonly #options: ServedProfilesOptions;
  readonly #slots: ProfileSlots;
  readonly #services: ReadonlyMap<string, OpenService>;
  #thread: ProfileThread | null = null;
  #batched = 0;
  readonly #bins = new Map<string, ServiceBins>();
  #lost: LostCounts[];

  constructor(options: ServedProfilesOptions) {
    this.#options = options;
    const services = options.services.map(profiledService);
    this.#slots = new ProfileSlots({ ...options, services });
    this.#services = new Map(services.map((service, place) => [service.id, openService(service, place)]));
    this.#lost = [...options.unsent.takeLost()];
    this.note();
  }

  /** Its name: no two processes have the same. */
  get process(): string {
    return this.#options.process;
  }

  takerOf({ name, version }: FeatureServiceData): (vector: ProfiledVector) => void {
    const open = this.#services.get(`${name}@${version}`);
    if (open === undefined) return () => undefined;
    const { service, counts } = open;
    const write = batchWriter(service);
    const size = batchSize(service);
    return (vector) => {
      counts.served += 1;
      open.unsent += 1;
      // No interval of a row holds it.
      if (!isEventTime(vector.at)) {
        this.#drop(open, 1);
        return;
      }
      write(open.batch, vector);
      if (open.batch.count === size) this.#pass(open);
    };
  }

  /** The bins of intervals that open from now on. */
  setBins(service: string, bins: ServiceBins): void {
    this.#bins.set(service, bins);
    this.#slots.setBins(service, bins);
    this.#thread?.setBins(service, bins);
  }

  /**
   * Hands rows of intervals that are over, or of all, to `take` as payloads of records: about a megabyte at once, the next once these
   * are taken. Call `note` then. Errors: those of `take`.
   */
  async handOver(everything: boolean, take: (rows: readonly Uint8Array[]) => Promise<void>): Promise<void> {
    for (const open of this.#services.values()) this.#pass(open);
    const now = this.#options.clock();
    for (let more = true; more; ) {
      const own = this.#slots.drain(everything, now);
      const theirs = await this.#drainThread(everything, now);
      for (const open of this.#services.values()) {
        open.unsent -= (own.vectors[open.place] ?? 0) + (theirs.vectors[open.place] ?? 0);
        this.#drop(open, (own.dropped[open.place] ?? 0) + (theirs.dropped[open.place] ?? 0));
      }
      const rows = [...own.rows, ...theirs.rows, ...this.#unprofiledRows()];
      if (rows.length > 0) await take(rows);
      more = own.more || theirs.more;
    }
  }

  /** Notes how many vectors a sudden end would take along. Call it about once a second. */
  note(): void {
    this.#options.unsent.note([...this.#unsentCounts(), ...(this.#options.held?.() ?? [])]);
  }

  get counts(): readonly ServiceCounts[] {
    return [...this.#services.values()].map(({ counts }) => counts);
  }

  /** Ends the thread; collect everything first. Counts that are held stay for the next process of the directory. */
  async close(): Promise<void> {
    await this.#thread?.close();
    this.note();
    this.#options.unsent.close();
  }

  #pass(open: OpenService): void {
    const { batch, place, service } = open;
    if (batch.count === 0) return;
    open.batch = emptyBatch(service);
    open.lastAt = batch.numbers[(batch.count - 1) * (1 + service.numbers.length)];
    this.#batched += batch.count;
    const { apartFrom = APART_FROM, clock } = this.#options;
    if (this.#thread === null && this.#batched >= apartFrom) this.#thread = this.#startThread();
    const { count } = batch;
    if (this.#thread === null) this.#slots.add(place, batch, clock());
    else if (!this.#thread.add(place, batch, clock())) this.#drop(open, count);
  }

  #drop(open: OpenService, vectors: number): void {
    open.counts.unprofiled += vectors;
    open.dropped += vectors;
  }

  #startThread(): ProfileThread {
    const { everyMs, host, process, onFault } = this.#options;
    const services = [...this.#services.values()].map(({ service }) => service);
    const thread = new ProfileThread({ services, everyMs, host, process: `${process}/thread` }, (error) => {
      // Its vectors are lost: they are counted as served and not profiled, and the loop profiles from now on.
      onFault(error);
      this.#thread = null;
      this.#batched = Number.NEGATIVE_INFINITY;
      for (const open of this.#services.values()) this.#drop(open, open.unsent);
    });
    for (const [service, bins] of this.#bins) thread.setBins(service, bins);
    return thread;
  }

  async #drainThread(everything: boolean, now: number): Promise<DrainedRows> {
    const thread = this.#thread;
    if (thread === null) return NOTHING;
    try {
      return await thread.drain(everything, now);
    } catch {
      // The fault of the thread was reported, and its vectors are counted as not profiled.
      return NOTHING;
    }
  }

  /** Rows that say how many vectors are in no profile: of this process, and of those that died. */
  #unprofiledRows(): readonly Uint8Array[] {
    const { host, process } = this.#options;
    const rows: Uint8Array[] = [];
    const now = this.#options.clock();
    for (const open of this.#services.values()) {
      if (open.dropped === 0) continue;
      const { service, lastAt, dropped } = open;
      rows.push(this.#countRow(host, process, { service: service.id, at: lastAt ?? now, vectors: dropped }));
      open.unsent = Math.max(0, open.unsent - dropped);
      open.dropped = 0;
    }
    for (const { host: theirs, process: dead, counts } of this.#lost)
      for (const count of counts) rows.push(this.#countRow(theirs, dead, count));
    this.#lost = [];
    return rows;
  }

  #countRow(host: string, process: string, { service, at, vectors }: UnsentCount): Uint8Array {
    // A file of an older version may have an instant that no row can say.
    const known = isEventTime(at) ? at : this.#options.clock();
    const begins = Math.floor(known / this.#options.everyMs) * this.#options.everyMs;
    const ends = begins + this.#options.everyMs;
    const counts = { feature: '', served: vectors, rows: 0, texts: [], profile: null };
    return encodeProfileRow({ service, host, process, begins, ends, ...counts });
  }

  #unsentCounts(): readonly UnsentCount[] {
    const counts: UnsentCount[] = [];
    const stride = ({ numbers }: ProfiledService) => 1 + numbers.length;
    for (const { service, batch, unsent, lastAt } of this.#services.values()) {
      const at =
        batch.count === 0 ? (lastAt ?? this.#options.clock()) : batch.numbers[(batch.count - 1) * stride(service)];
      if (unsent > 0) counts.push({ service: service.id, at, vectors: unsent });
    }
    for (const lost of this.#lost) counts.push(...lost.counts);
    return counts;
  }
}

function openService(service: ProfiledService, place: number): OpenService {
  const counts = { service: service.id, served: 0, unprofiled: 0 };
  return { service, place, counts, batch: emptyBatch(service), unsent: 0, dropped: 0, lastAt: null };
}
