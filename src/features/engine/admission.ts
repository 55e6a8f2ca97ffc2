import type { EventSourceData } from '../define/declaration.ts';
import type { Delivery } from './delivery.ts';
import { IdSet, idPart } from './id-set.ts';

/** What the rule of a source makes of a delivery. */
export type Verdict = 'accepted' | 'duplicate' | 'future' | 'late';

/** Deliveries by verdict; their sum is what was delivered. */
export type AdmissionCounters = { -readonly [Name in Verdict]: number };

/**
 * The rule for deliveries of a source, in this order: of several deliveries of one id the first in log order counts; an
 * event whose time is more than futureSkew ahead of its ingest time is refused; one that arrives more than lateness
 * after its time is dropped (equality is accepted). A function of the rows and their order alone.
 *
 * An id is remembered for lateness + futureSkew of ingest time: a later delivery of an accepted event is late by the
 * third rule, so that the bounded memory accepts what an unbounded one does (such a redelivery is counted as late, not
 * as duplicate). It holds where an event keeps its time and ingest times do not decrease, as our gateway has it, which
 * also keeps events from the future out of the log.
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

  /** Notes an id that was judged before a restart, in log order. */
  remember(id: string, ingestTs: number, partition: number): void {
    this.#memoryOf(partition).add(id, ingestTs);
  }

  #verdict({ id, ts, ingestTs }: Delivery, partition: number): Verdict {
    if (!this.#memoryOf(partition).add(id, ingestTs)) return 'duplicate';
    if (ts - ingestTs > this.#futureSkewMs) return 'future';
    if (ingestTs - ts > this.#latenessMs) return 'late';
    return 'accepted';
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

  /** Adds an id; false if it is known. */
  add(id: string, ingestTs: number): boolean {
    const newest = this.#newest(ingestTs);
    const generations = this.#generations;
    const part = idPart(id);
    for (let i = 0; i < generations.length - 1; i += 1) if (generations[i].ids.has(id, part)) return false;
    return newest.add(id, part);
  }

  #newest(ingestTs: number): IdSet {
    const generations = this.#generations;
    const last = generations[generations.length - 1];
    if (last !== undefined && ingestTs < last.from + this.#generationMs) return last.ids;
    const ids = new IdSet();
    generations.push({ from: ingestTs, ids });
    // The ids of a generation are older than the next one's beginning.
    while (generations.length > 1 && generations[1].from < ingestTs - this.#keepMs) generations.shift();
    return ids;
  }
}
