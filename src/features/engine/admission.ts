import { Murmur128 } from '../../base/hash/murmur3.ts';
import type { EventSourceData } from '../define/declaration.ts';
import type { Delivery } from './delivery.ts';
import { IdSet } from './id-set.ts';

/** The verdict of a source's rule on a delivery. */
export type Verdict = 'accepted' | 'duplicate' | 'future' | 'late';

/** The facts of a delivery that its verdict depends on, but for its id. */
type Times = Pick<Delivery, 'ts' | 'ingestTs'>;

/** The facts of a delivery that its verdict depends on; its id as UTF-8 in [idFrom, idTo) of the bytes. */
interface JudgedBytes extends Times {
  readonly bytes: Uint8Array;
  readonly idFrom: number;
  readonly idTo: number;
}

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
 * as late, not as duplicate). This needs events that keep their time. The gateway keeps events from the future out of the log.
 *
 * Ingest times may leap ahead and go back, as a clock that is set wrong and right again. A leap forgets nothing, and neither does
 * what is before the largest ingest time: a clock that comes back finds the ids that it knew. A source whose every
 * pause is a leap forgets the ids before the last few.
 */
export class Admission {
  readonly counters: AdmissionCounters = { accepted: 0, duplicate: 0, future: 0, late: 0 };
  /** How far back in ingest time ids matter: what a restart has to `remember`. */
  readonly memoryMs: number;
  readonly #latenessMs: number;
  readonly #futureSkewMs: number;
  /** By partition: an id has one partition, and partitions are read at different speeds. */
  readonly #memories: IdMemory[] = [];
  /** Of the id that is judged. */
  readonly #id = new Murmur128();

  constructor(
    { latenessMs, futureSkewMs }: Pick<EventSourceData, 'latenessMs' | 'futureSkewMs'>,
    memoryMs = latenessMs + futureSkewMs,
  ) {
    this.#latenessMs = latenessMs;
    this.#futureSkewMs = futureSkewMs;
    this.memoryMs = memoryMs;
  }

  /** Judges the next delivery of a partition's log order, and counts it. `offset`: of the delivery, where repeats are to name it. */
  judge(delivery: Delivery, partition: number, offset = UNNAMED): Verdict {
    this.#id.ofText(delivery.id);
    const verdict = this.#verdict(delivery, partition, offset);
    this.counters[verdict] += 1;
    return verdict;
  }

  /** Notes a delivery that was judged before a restart, in log order. */
  remember(delivery: Times & Pick<Delivery, 'id'>, partition: number, offset = UNNAMED): void {
    this.#id.ofText(delivery.id);
    this.#verdict(delivery, partition, offset);
  }

  /** As `remember`, by the bytes of the id. */
  rememberBytes(delivery: JudgedBytes, partition: number, offset: number): void {
    this.#id.ofBytes(delivery.bytes, delivery.idFrom, delivery.idTo);
    this.#verdict(delivery, partition, offset);
  }

  /** The offset of the accepted delivery of which the one that was just judged in a partition is a duplicate. */
  firstOf(partition: number): number {
    return this.#memoryOf(partition).found;
  }

  #verdict({ ts, ingestTs }: Times, partition: number, offset: number): Verdict {
    const memory = this.#memoryOf(partition);
    if (memory.has(this.#id, ingestTs, offset)) return 'duplicate';
    if (ts - ingestTs > this.#futureSkewMs) return 'future';
    if (ingestTs - ts > this.#latenessMs) return 'late';
    memory.add(this.#id, offset);
    return 'accepted';
  }

  /** The largest ingest time that was judged or remembered; -Infinity before the first. */
  get largestIngestTs(): number {
    let largest = Number.NEGATIVE_INFINITY;
    for (const memory of this.#memories) largest = Math.max(largest, memory?.largestTs ?? largest);
    return largest;
  }

  /** The first offset of a partition whose id may be remembered, of deliveries that came with theirs; null: none is. */
  rememberedFrom(partition: number): number | null {
    return this.#memories[partition]?.firstOffset ?? null;
  }

  /** Bytes of memory that remembered ids take. */
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

/** The offset of a delivery that no repeat has to name. */
const UNNAMED = -1;

/** Ids are remembered over this many leaps of ingest time. */
export const LEAPS_KEPT = 3;

/** Whether ingest time leaps: by more than a generation of ids. */
export function isLeap(aheadMs: number, memoryMs: number): boolean {
  return aheadMs > generationMs(memoryMs);
}

function generationMs(memoryMs: number): number {
  return Math.max(1, Math.ceil(memoryMs / 2));
}

interface Generation {
  /** Time that had passed when it began, leaps left out. */
  readonly fromMs: number;
  /** Leaps before it. */
  readonly leaps: number;
  /** Of its first delivery. */
  readonly offset: number;
  readonly ids: IdSet;
}

/** Ids of one partition in generations of ingest time; whole generations are forgotten. */
class IdMemory {
  /** The offset of the id that was last found. */
  found = UNNAMED;
  largestTs = Number.NEGATIVE_INFINITY;
  readonly #keepMs: number;
  readonly #generationMs: number;
  readonly #generations: Generation[] = [];
  #passedMs = 0;
  #leaps = 0;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
    this.#generationMs = generationMs(keepMs);
  }

  get firstOffset(): number | null {
    return this.#generations[0]?.offset ?? null;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { ids } of this.#generations) bytes += ids.bytes;
    return bytes;
  }

  /** Whether an id is known at an ingest time; forgets what is too old by then. */
  has(id: Murmur128, ingestTs: number, at: number): boolean {
    if (ingestTs > this.largestTs) this.#moveTo(ingestTs, at);
    for (const { ids } of this.#generations) {
      const offset = ids.get(id);
      if (offset === undefined) continue;
      this.found = offset;
      return true;
    }
    return false;
  }

  /** Adds an id, at the ingest time last asked for. */
  add(id: Murmur128, offset: number): void {
    this.#generations[this.#generations.length - 1].ids.add(id, offset);
  }

  #moveTo(ingestTs: number, offset: number): void {
    const generations = this.#generations;
    const last = generations[generations.length - 1];
    if (last !== undefined) {
      const aheadMs = ingestTs - this.largestTs;
      if (aheadMs > this.#generationMs) this.#leaps += 1;
      else this.#passedMs += aheadMs;
    }
    this.largestTs = ingestTs;
    if (last !== undefined && this.#leaps === last.leaps && this.#passedMs < last.fromMs + this.#generationMs) return;
    generations.push({ fromMs: this.#passedMs, leaps: this.#leaps, offset, ids: new IdSet() });
    while (generations.length > 1 && this.#isOver(generations[1])) generations.shift();
  }

  /** Whether the ids before a generation matter no longer: they are older than its beginning. */
  #isOver({ fromMs, leaps }: Generation): boolean {
    return fromMs < this.#passedMs - this.#keepMs || leaps <= this.#leaps - LEAPS_KEPT;
  }
}
