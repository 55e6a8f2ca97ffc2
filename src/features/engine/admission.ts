import type { EventSourceData } from '../define/declaration.ts';
import type { Delivery } from './delivery.ts';
import { IdSet, idPart } from './id-set.ts';

/** The verdict of a source's rule on a delivery. */
export type Verdict = 'accepted' | 'duplicate' | 'future' | 'late';

/** The facts of a delivery that its verdict depends on. */
type Judged = Pick<Delivery, 'id' | 'ts' | 'ingestTs'>;

/** Deliveries by verdict; their sum is what was delivered. */
export type AdmissionCounters = { -readonly [Name in Verdict]: number };

/**
 * The rule for deliveries of a source, in this order. A delivery of an accepted id is a duplicate. An event whose time is
 * more than futureSkew after its ingest time is rejected. One that arrives more than lateness after its time is dropped
 * (equality is accepted). A rejected or dropped delivery leaves its id free: the first other delivery of the id in log
 * order counts. The rule is a function of the rows and their order alone.
 *
 * The id of an accepted delivery is remembered for lateness + futureSkew of ingest time. A later delivery of that event is
 * late by the third rule, so the bounded memory accepts the same deliveries as an unbounded one (such a redelivery counts
 * as late, not as duplicate). This needs events that keep their time, and ingest times that do not decrease. The gateway
 * ensures the latter, and keeps events from the future out of the log.
 */
export class Admission {
  readonly counters: AdmissionCounters = { accepted: 0, duplicate: 0, future: 0, late: 0 };
  /** How far back in ingest time ids matter: what a restart has to `remember`. */
  readonly memoryMs: number;
  readonly #latenessMs: number;
  readonly #futureSkewMs: number;
  /** By partition: an id has one partition, and partitions are read at different speeds. */
  readonly #memories: IdMemory[] = [];

  constructor(
    { latenessMs, futureSkewMs }: Pick<EventSourceData, 'latenessMs' | 'futureSkewMs'>,
    memoryMs = latenessMs + futureSkewMs,
  ) {
    this.#latenessMs = latenessMs;
    this.#futureSkewMs = futureSkewMs;
    this.memoryMs = memoryMs;
  }

  /** Judges the next delivery of a partition's log order, and counts it. */
  judge(delivery: Delivery, partition: number): Verdict {
    const verdict = this.#verdict(delivery, partition);
    this.counters[verdict] += 1;
    return verdict;
  }

  /** Notes a delivery that was judged before a restart, in log order. */
  remember(delivery: Judged, partition: number): void {
    this.#verdict(delivery, partition);
  }

  #verdict({ id, ts, ingestTs }: Judged, partition: number): Verdict {
    const memory = this.#memoryOf(partition);
    const part = idPart(id);
    if (memory.has(id, part, ingestTs)) return 'duplicate';
    if (ts - ingestTs > this.#futureSkewMs) return 'future';
    if (ingestTs - ts > this.#latenessMs) return 'late';
    memory.add(id, part);
    return 'accepted';
  }

  /** Bytes of memory that remembered ids take, about. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const memory of this.#memories) bytes += memory?.bytes ?? 0;
    return bytes;
  }

  #memoryOf(partition: number): IdMemory {
    this.#memories[partition] ??= new IdMemory(this.memoryMs);
    return this.#memories[partition];
  }
}

/** Ids of one partition in generations of ingest time; whole generations are forgotten. */
class IdMemory {
  readonly #keepMs: number;
  readonly #generationMs: number;
  readonly #generations: { readonly from: number; readonly ids: IdSet }[] = [];

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
    this.#generationMs = Math.max(1, Math.ceil(keepMs / 2));
  }

  get bytes(): number {
    let bytes = 0;
    for (const { ids } of this.#generations) bytes += ids.bytes;
    return bytes;
  }

  /** Whether an id is known at an ingest time; forgets what is too old by then. */
  has(id: string, part: number, ingestTs: number): boolean {
    this.#moveTo(ingestTs);
    for (const { ids } of this.#generations) if (ids.has(id, part)) return true;
    return false;
  }

  /** Adds an id, at the ingest time last asked for. */
  add(id: string, part: number): void {
    this.#generations[this.#generations.length - 1].ids.add(id, part);
  }

  #moveTo(ingestTs: number): void {
    const generations = this.#generations;
    const last = generations[generations.length - 1];
    if (last !== undefined && ingestTs < last.from + this.#generationMs) return;
    generations.push({ from: ingestTs, ids: new IdSet() });
    // The ids of a generation are older than the next one's beginning.
    while (generations.length > 1 && generations[1].from < ingestTs - this.#keepMs) generations.shift();
  }
}
