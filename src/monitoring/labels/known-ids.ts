import type { WaitingId, WaitingIds } from '../../ports/waiting-ids.ts';
import { DueHeap } from './due-heap.ts';

/** Parts that the time until something is due is cut into. The ids of the part that time has reached are in memory. */
const BUCKETS = 1_024;

/** Ids that leave memory in one write. */
const SPILLED_AT_ONCE = 256;

/** Ids that end in one step. */
const ENDED_AT_ONCE = 256;

/** Bytes of an id in memory, measured, besides its characters; and of each of its numbers. */
const ID_BYTES = 220;
const NUMBER_BYTES = 16;

/** An id that a join remembers, in its own form. */
export interface Known {
  /** The last instant for which it is kept: afterwards it ends. */
  readonly ends: number;
}

/** Turns the facts of an id into numbers for the store, and back. */
export interface KnownCodec<K extends Known> {
  /** Numbers that it has. */
  count(known: K): number;
  encode(known: K): Float64Array;
  decode(numbers: Float64Array): K;
}

export interface KnownIdsOptions {
  /** Has the ids for which memory has no room. */
  readonly store: WaitingIds;
  /** The memory for ids. */
  readonly budget: IdBudget;
  /** Ids that end in one step. */
  readonly endedAtOnce?: number;
}

/** Called for an id that ends; returns the facts that are left, which end later, or null. */
type Ended<K> = (known: K) => K | null;

/** The memory that the ids of all joins of a process share. */
export class IdBudget {
  readonly maxBytes: number;
  /** Bytes of the ids in memory, estimated. */
  bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }
}

/**
 * Ids and their facts until they are due: the newest in memory, and the rest in a store, so that memory is bounded however many
 * wait. Those of the future are sorted in parts of their span, those of the part that time has reached by their instants. Hot path.
 */
export class KnownIds<K extends Known> {
  readonly #codec: KnownCodec<K>;
  readonly #store: WaitingIds;
  readonly #budget: IdBudget;
  readonly #bucketMs: number;
  readonly #endedAtOnce: number;
  readonly #ids = new Map<string, K>();
  /** By part, ids in memory that end in it. Some have left memory or end in another part since. */
  #buckets = new Map<number, string[]>();
  /** Ids that end in the part that time has reached, or before it. Some end at another instant since. */
  readonly #dues = new DueHeap();
  /** Index of the part that time has reached: the ids of it and of those before are in `dues` and in memory. */
  #reached = Number.NEGATIVE_INFINITY;
  /** Ids that left memory since all buckets were cleaned. */
  #left = 0;
  /** The order in which ids leave memory, while they do. One that waits would keep every table that the map has outgrown, with its ids. */
  #oldest: MapIterator<[string, K]> | null = null;
  /** Ids put since one was taken from that order. */
  #putSince = 0;
  /** No id in the buckets or in the store ends in an earlier part. */
  #first = Number.POSITIVE_INFINITY;
  /** While ids end: for which instant, and the ids that were kept since then though they end before it. */
  #ending: { readonly now: number; readonly fresh: Set<string> } | null = null;
  #bytes = 0;

  /** `spanMs`: about how long after it is kept an id is due. */
  constructor(spanMs: number, codec: KnownCodec<K>, options: KnownIdsOptions) {
    const { store, budget, endedAtOnce = ENDED_AT_ONCE } = options;
    this.#endedAtOnce = endedAtOnce;
    this.#codec = codec;
    this.#store = store;
    this.#budget = budget;
    this.#bucketMs = Math.max(1, Math.ceil(spanMs / BUCKETS));
  }

  /** Ids that it knows. */
  get size(): number {
    return this.#ids.size + this.#store.size;
  }

  /** Those of them that are not in memory. */
  get stored(): number {
    return this.#store.size;
  }

  /** Whether ids may have ended at `now`. */
  isDue(now: number): boolean {
    return this.#dues.first < now || this.#first <= this.#partOf(now);
  }

  #partOf(instant: number): number {
    return Math.floor(instant / this.#bucketMs);
  }

  /** Finds an id; it is in memory then. While ids end, `ended` is called first for one that has ended: it returns the facts that are left. */
  find(id: string, ended: Ended<K>): K | undefined {
    if (this.#budget.bytes > this.#budget.maxBytes) this.#spill();
    const found = this.#ids.get(id) ?? this.#fetch(id);
    if (found === undefined || this.#ending === null) return found;
    if (found.ends >= this.#ending.now || this.#ending.fresh.has(id)) return found;
    return this.#end(id, found, ended) ?? undefined;
  }

  /** Keeps the facts of an id, in place of those before. */
  keep(id: string, known: K): void {
    this.#put(id, known);
    if (this.#budget.bytes > this.#budget.maxBytes) this.#spill();
  }

  /** Forgets an id that is in memory. */
  drop(id: string): void {
    const known = this.#ids.get(id);
    if (known !== undefined) this.#remove(id, known);
  }

  #put(id: string, known: K): void {
    const before = this.#ids.get(id);
    this.#ids.set(id, known);
    this.#putSince += 1;
    if (this.#putSince > this.#ids.size) this.#oldest = null;
    this.#weigh(this.#bytesOf(id, known) - (before === undefined ? 0 : this.#bytesOf(id, before)));
    if (this.#ending !== null && known.ends < this.#ending.now) this.#ending.fresh.add(id);
    if (before?.ends === known.ends) return;
    this.#addTo(id, known.ends);
    if (before !== undefined) this.#left += 1;
  }

  /** Ends ids whose last instant is before `now`, in steps; `ended` returns the facts that are left of one, which end later, or null. */
  *expire(now: number, ended: Ended<K>): Generator<undefined> {
    if (this.#ending !== null || !this.isDue(now)) return;
    const reached = this.#partOf(now);
    const later: { id: string; ends: number }[] = [];
    this.#ending = { now, fresh: new Set() };
    try {
      // The parts before it end as a whole.
      const whole = [...this.#buckets].filter(([part]) => part < reached).sort(([a], [b]) => a - b);
      for (const [part] of whole) this.#buckets.delete(part);
      yield* this.#endDues(now, ended, later);
      for (const [, ids] of whole) yield* this.#endAll(ids, now, ended);
      yield* this.#takeStored(reached - 1, (id, known) => this.#endStored(id, known, ended));
      if (Number.isFinite(reached) && reached > this.#reached) {
        yield* this.#reach(reached);
        yield* this.#endDues(now, ended, later);
      }
    } finally {
      this.#ending = null;
      this.#oldest = null;
      for (const { id, ends } of later) this.#dues.add(id, ends);
    }
    this.#first = Math.min(this.#store.firstBucket(), ...this.#buckets.keys());
  }

  *#endAll(ids: readonly string[], now: number, ended: Ended<K>): Generator<undefined> {
    for (const [i, id] of ids.entries()) {
      this.#endIfOver(id, now, ended);
      if ((i + 1) % this.#endedAtOnce === 0) yield;
    }
  }

  *#endDues(now: number, ended: Ended<K>, later: { id: string; ends: number }[]): Generator<undefined> {
    for (let taken = 1; this.#dues.first < now; taken += 1) {
      const { id, ends } = this.#dues.take();
      const known = this.#ids.get(id);
      // One that was kept since this began ends with the next call.
      if (known?.ends === ends && this.#ending?.fresh.has(id) === true) later.push({ id, ends });
      else this.#endIfOver(id, now, ended);
      if (taken % this.#endedAtOnce === 0) yield;
    }
  }

  #endIfOver(id: string, now: number, ended: Ended<K>): void {
    const known = this.#ids.get(id);
    if (known !== undefined && known.ends < now && this.#ending?.fresh.has(id) === false) this.#end(id, known, ended);
  }

  #endStored(id: string, known: K, ended: Ended<K>): void {
    const left = ended(known);
    if (left !== null) this.keep(id, left);
  }

  /** Takes ids of parts up to one out of the store. */
  *#takeStored(part: number, take: (id: string, known: K) => void): Generator<undefined> {
    for (;;) {
      const taken = this.#store.takeDue(part, this.#endedAtOnce);
      if (taken.length === 0) return;
      for (const { id, numbers } of taken) take(id, this.#codec.decode(numbers));
      yield;
    }
  }

  /** Sorts the ids of the part that time has reached by their instants. */
  *#reach(part: number): Generator<undefined> {
    this.#reached = part;
    const ids = this.#buckets.get(part) ?? [];
    this.#buckets.delete(part);
    for (const id of ids) {
      const known = this.#ids.get(id);
      if (known !== undefined && this.#partOf(known.ends) === part) this.#dues.add(id, known.ends);
    }
    yield* this.#takeStored(part, (id, known) => this.#put(id, known));
  }

  /** Gives its memory back. */
  close(): void {
    this.#weigh(-this.#bytes);
    this.#ids.clear();
    this.#oldest = null;
    this.#buckets.clear();
    this.#dues.clear();
    this.#reached = Number.NEGATIVE_INFINITY;
    this.#first = Number.POSITIVE_INFINITY;
  }

  #end(id: string, known: K, ended: Ended<K>): K | null {
    this.#remove(id, known);
    const left = ended(known);
    if (left !== null) this.#put(id, left);
    return left;
  }

  #fetch(id: string): K | undefined {
    if (this.#store.size === 0) return undefined;
    const stored = this.#store.take(id);
    if (stored === null) return undefined;
    const known = this.#codec.decode(stored.numbers);
    this.#ids.set(id, known);
    this.#weigh(this.#bytesOf(id, known));
    this.#addTo(id, known.ends);
    return known;
  }

  /** Notes when an id ends. */
  #addTo(id: string, ends: number): void {
    const part = this.#partOf(ends);
    if (part <= this.#reached) {
      this.#dues.add(id, ends);
      return;
    }
    const ids = this.#buckets.get(part);
    if (ids === undefined) this.#buckets.set(part, [id]);
    else ids.push(id);
    if (part < this.#first) this.#first = part;
  }

  #remove(id: string, known: K): void {
    this.#ids.delete(id);
    this.#weigh(-this.#bytesOf(id, known));
  }

  #bytesOf(id: string, known: K): number {
    return ID_BYTES + 2 * id.length + NUMBER_BYTES * this.#codec.count(known);
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }

  /** Moves the oldest ids to the store until the rest fits. */
  #spill(): void {
    while (this.#budget.bytes > this.#budget.maxBytes && this.#ids.size > 0) {
      const spilled: [string, K][] = [];
      for (let left = Math.min(SPILLED_AT_ONCE, this.#ids.size); left > 0; left -= 1) {
        const next = this.#next();
        // One that is about to end would end late.
        if (!this.#isNear(next[1].ends)) spilled.push(next);
      }
      if (spilled.length === 0) return;
      this.#store.put(spilled.map(([id, known]) => this.#waiting(id, known)));
      for (const [id, known] of spilled) this.#remove(id, known);
      this.#left += spilled.length;
    }
    if (this.#left > this.#ids.size + SPILLED_AT_ONCE) this.#cleanBuckets();
  }

  /** Whether ids that end then stay in memory: time has reached them. */
  #isNear(ends: number): boolean {
    return this.#partOf(ends) <= this.#reached || (this.#ending !== null && ends < this.#ending.now);
  }

  #waiting(id: string, known: K): WaitingId {
    return { id, bucket: this.#partOf(known.ends), numbers: this.#codec.encode(known) };
  }

  /** Forgets the names of ids that are not in memory. */
  #cleanBuckets(): void {
    this.#left = 0;
    const clean = new Map<number, string[]>();
    for (const [id, { ends }] of this.#ids) {
      const part = this.#partOf(ends);
      if (part <= this.#reached) continue;
      const ids = clean.get(part);
      if (ids === undefined) clean.set(part, [id]);
      else ids.push(id);
    }
    this.#buckets = clean;
  }

  /** The next id in the order in which they came; there is one. */
  #next(): [string, K] {
    this.#putSince = 0;
    for (;;) {
      this.#oldest ??= this.#ids.entries();
      const { value, done } = this.#oldest.next();
      if (done !== true) return value;
      this.#oldest = null;
    }
  }
}
