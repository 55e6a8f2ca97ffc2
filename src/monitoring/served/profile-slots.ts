import { fnv1a32 } from '../../base/hash/fnv.ts';
import { addNumbers, type NumberColumn, numberColumn, settleNumbers } from '../profile/add-numbers.ts';
import { addText, type ColumnSketch, createColumnSketch } from '../profile/column-sketch.ts';
import type { FrozenBins } from '../profile/frozen-bins.ts';
import { encodeProfile } from '../profile/profile-bytes.ts';
import { encodeProfileRow, type ProfileRow } from './profile-row.ts';
import type { ProfiledFeature, ProfiledService } from './profiled-service.ts';
import type { VectorBatch } from './vector-batch.ts';

/** Bins of a service's features by name. */
export type ServiceBins = ReadonlyMap<string, FrozenBins>;

export interface ProfileSlotsOptions {
  readonly services: readonly ProfiledService[];
  readonly everyMs: number;
  readonly host: string;
  readonly process: string;
}

/** The vectors of one service in one interval. */
interface Slot {
  readonly service: ProfiledService;
  readonly begins: number;
  readonly ends: number;
  readonly openedAt: number;
  vectors: number;
  readonly numbers: readonly NumberColumn[];
  /** Bools come as numbers, and are profiled as texts. */
  readonly bools: readonly (ColumnSketch | null)[];
  readonly texts: readonly ColumnSketch[];
}

/** Rows that leave: payloads of records. Counts of vectors are by place of the service. */
export interface DrainedRows {
  readonly rows: readonly Uint8Array[];
  /** Vectors in the rows. */
  readonly vectors: readonly number[];
  /** Vectors that were dropped since the last call: too many rows waited. */
  readonly dropped: readonly number[];
  /** Whether more rows are due: call again once these are taken. */
  readonly more: boolean;
}

/** The rows of an interval that was closed. */
interface ClosedSlot {
  readonly place: number;
  readonly vectors: number;
  readonly rows: readonly Uint8Array[];
  readonly bytes: number;
}

/** Intervals of a service that are open at once: requests may ask for any instant. */
const MOST_SLOTS = 16;

/** Bytes of rows that leave at once, about: a receiver holds them. */
const DRAINED_BYTES = 2 ** 20;

/** Bytes of rows that wait for a receiver at most. The vectors of further intervals are counted and not profiled. */
const WAITING_BYTES = 16 * 2 ** 20;

/**
 * Profiles of vectors by service and interval. Vectors of an interval that was handed over open it again: rows of one interval add
 * up. It knows no thread and no clock, so that it runs on the loop of the answers or apart from it.
 */
export class ProfileSlots {
  readonly #options: ProfileSlotsOptions;
  readonly #bins = new Map<string, ServiceBins>();
  readonly #slots = new Map<string, Map<number, Slot>>();
  readonly #places: ReadonlyMap<ProfiledService, number>;
  /** Rows of intervals that are closed, oldest first. */
  #ready: ClosedSlot[] = [];
  #readyBytes = 0;
  #dropped: number[];
  #opened = 0;

  constructor(options: ProfileSlotsOptions) {
    this.#options = options;
    for (const { id } of options.services) this.#slots.set(id, new Map());
    this.#places = new Map(options.services.map((service, place) => [service, place]));
    this.#dropped = options.services.map(() => 0);
  }

  /** The bins of intervals that open from now on. */
  setBins(service: string, bins: ServiceBins): void {
    this.#bins.set(service, bins);
  }

  /** Adds a batch. Hot path. */
  add(place: number, { count, numbers, texts }: VectorBatch, now: number): void {
    const service = this.#options.services[place];
    const { everyMs } = this.#options;
    const stride = 1 + service.numbers.length;
    for (let from = 0; from < count; ) {
      const begins = Math.floor(numbers[from * stride] / everyMs) * everyMs;
      let to = from + 1;
      while (to < count && numbers[to * stride] >= begins && numbers[to * stride] < begins + everyMs) to += 1;
      this.#addRun(this.#slotOf(service, begins, now), numbers, texts, from, to);
      from = to;
    }
  }

  /** Hands over rows of intervals that are over, or of all, about a megabyte at once. */
  drain(everything: boolean, now: number): DrainedRows {
    for (const slots of this.#slots.values())
      for (const slot of [...slots.values()]) {
        if (this.#readyBytes >= DRAINED_BYTES) break;
        if (everything || this.#isDue(slot, now)) this.#close(slots, slot);
      }
    const leaving = this.#takeReady();
    const vectors = this.#dropped.map(() => 0);
    for (const slot of leaving) vectors[slot.place] += slot.vectors;
    const dropped = this.#dropped;
    this.#dropped = dropped.map(() => 0);
    return { rows: leaving.flatMap(({ rows }) => rows), vectors, dropped, more: this.#hasDue(everything, now) };
  }

  #takeReady(): readonly ClosedSlot[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#ready.length && bytes < DRAINED_BYTES) bytes += this.#ready[count++].bytes;
    this.#readyBytes -= bytes;
    return this.#ready.splice(0, count);
  }

  #hasDue(everything: boolean, now: number): boolean {
    if (this.#ready.length > 0) return true;
    return [...this.#slots.values()].some((slots) =>
      [...slots.values()].some((slot) => everything || this.#isDue(slot, now)),
    );
  }

  #isDue({ ends, openedAt }: Slot, now: number): boolean {
    return (now >= ends && openedAt < ends) || now - openedAt >= this.#options.everyMs;
  }

  #addRun(slot: Slot, numbers: Float64Array, texts: VectorBatch['texts'], from: number, to: number): void {
    const { service } = slot;
    const stride = 1 + service.numbers.length;
    slot.vectors += to - from;
    for (let c = 0; c < service.numbers.length; c += 1) {
      const bool = slot.bools[c];
      if (bool === null) addNumbers(slot.numbers[c], numbers, from * stride + 1 + c, stride, to - from);
      else for (let i = from; i < to; i += 1) addText(bool, boolText(numbers[i * stride + 1 + c]));
    }
    const width = service.texts.length;
    for (let c = 0; c < width; c += 1) for (let i = from; i < to; i += 1) addText(slot.texts[c], texts[i * width + c]);
  }

  #slotOf(service: ProfiledService, begins: number, now: number): Slot {
    const slots = this.#slots.get(service.id) ?? new Map<number, Slot>();
    const open = slots.get(begins);
    if (open !== undefined) return open;
    const [oldest] = slots.values();
    if (slots.size >= MOST_SLOTS && oldest !== undefined) this.#close(slots, oldest);
    const slot = this.#open(service, begins, now);
    slots.set(begins, slot);
    return slot;
  }

  #open(service: ProfiledService, begins: number, now: number): Slot {
    const bins = this.#bins.get(service.id);
    this.#opened += 1;
    const sketch = ({ name, kind }: ProfiledFeature) => {
      const type = kind === 'number' ? 'number' : 'text';
      const own = bins?.get(name) ?? null;
      const isFit = own !== null && (own.kind === 'values' || type === 'number');
      return createColumnSketch(type, isFit ? own : null, this.#seed(`${service.id}/${name}/${begins}`));
    };
    return {
      service,
      begins,
      ends: begins + this.#options.everyMs,
      openedAt: now,
      vectors: 0,
      numbers: service.numbers.map((feature) => numberColumn(sketch({ ...feature, kind: 'number' }))),
      bools: service.numbers.map((feature) => (feature.kind === 'bool' ? sketch(feature) : null)),
      texts: service.texts.map(sketch),
    };
  }

  /** Other chances in each process, interval and feature: errors of quantiles then cancel out in a merge. */
  #seed(of: string): number {
    return fnv1a32(`${this.#options.host}/${this.#options.process}/${of}/${this.#opened}`);
  }

  /** Closes an interval: its rows wait to leave. */
  #close(slots: Map<number, Slot>, slot: Slot): void {
    slots.delete(slot.begins);
    const { service, vectors } = slot;
    const place = this.#places.get(service) ?? 0;
    if (this.#readyBytes >= WAITING_BYTES) {
      this.#dropped[place] += vectors;
      return;
    }
    const rows = this.#rowsOf(slot);
    const bytes = rows.reduce((sum, row) => sum + row.length, 0);
    this.#ready.push({ place, vectors, rows, bytes });
    this.#readyBytes += bytes;
  }

  #rowsOf(slot: Slot): readonly Uint8Array[] {
    const { service, vectors } = slot;
    const rows = [this.#row(slot, { feature: '', served: vectors, rows: vectors, texts: [], profile: null })];
    for (const [c, { name }] of service.numbers.entries()) {
      const bool = slot.bools[c];
      if (bool === null) settleNumbers(slot.numbers[c]);
      rows.push(this.#featureRow(slot, name, bool ?? slot.numbers[c].sketch));
    }
    for (const [c, { name }] of service.texts.entries()) rows.push(this.#featureRow(slot, name, slot.texts[c]));
    return rows;
  }

  #featureRow(slot: Slot, feature: string, sketch: ColumnSketch): Uint8Array {
    const texts = sketch.type === 'text' && sketch.frequent !== null ? [...sketch.frequent.counts.keys()] : [];
    const profile = encodeProfile({ rows: sketch.rows, columns: new Map([[feature, sketch]]) });
    return this.#row(slot, { feature, served: 0, rows: sketch.rows, texts, profile });
  }

  #row({ service, begins, ends }: Slot, row: Omit<ProfileRow, 'service' | 'host' | 'process' | 'begins' | 'ends'>) {
    const { host, process } = this.#options;
    return encodeProfileRow({ service: service.id, host, process, begins, ends, ...row });
  }
}

function boolText(value: number): string | null {
  return Number.isNaN(value) ? null : value === 0 ? 'false' : 'true';
}
