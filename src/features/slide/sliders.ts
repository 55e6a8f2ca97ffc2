import { compareText } from '../../base/text-order.ts';
import { DAY_MS, floorTo } from '../../base/time.ts';
import type { Value } from '../../schema/column.ts';
import type { Aggregate } from '../aggregate/aggregate.ts';
import { aggregateOf } from '../aggregate/aggregates.ts';
import { textBucket } from '../aggregate/approx-distinct.ts';
import { type BinCounts, takeFromBin } from '../aggregate/bins.ts';
import { dropEntriesBefore } from '../aggregate/last-n.ts';
import { binOfValue } from '../aggregate/quantile.ts';
import { HLL_REGISTERS } from '../aggregate/registers.ts';
import { dropImagesBefore } from '../aggregate/retracting.ts';
import { emptyCounts } from '../aggregate/value-counts.ts';
import { type Scalar, scalarForm, scalarOf } from '../aggregate/value-text.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { PartKind } from '../plan/parts.ts';
import type { Cells } from '../tile/cells.ts';
import { RankedSlots } from './ranked-slots.ts';

/** The partial of a window whose events come and leave. */
export interface Slider {
  /** Adds an event whose input is not null, or takes its row away (sign −1). Appends to `left` the numbers that `leave` needs for it. */
  add(value: Value, ts: number, id: string, sign: number, left: number[]): void;
  /** Takes the events of a tile away, which are all before `from`. */
  leave(left: readonly number[], from: number): void;
  /** The answer of the algebra; null where there is none that is exact. */
  answer(): Value;
  /** Back to no events. */
  clear(): void;
}

/** A slider of an aggregate that is made of parts. */
export function sliderOf(spec: AggregateSpec, kind: PartKind): Slider {
  return SLIDERS[kind](spec);
}

type Held = Pick<Slider, 'add' | 'leave'> & {
  readonly cleared?: () => void;
  /** Makes the partial that is finalised, where it is not kept all the time. */
  readonly ready?: () => void;
};

const SLIDERS: Readonly<Record<PartKind, (spec: AggregateSpec) => Slider>> = {
  lastN: sliding(latest),
  distinct: sliding(counted),
  topK: sliding(ranked),
  topKCounts: sliding(ranked),
  quantile: sliding(binned),
  approxDistinct: sliding(registered),
  meanOfDays: sliding(daily),
  minOfDays: sliding(daily),
  maxOfDays: sliding(daily),
  quantileOfDays: sliding(daily),
  images: sliding(imaged),
};

function sliding(holds: (cells: Cells, aggregate: Aggregate, spec: AggregateSpec) => Held) {
  return (spec: AggregateSpec): Slider => {
    const aggregate = aggregateOf(spec);
    const cells: Cells = { nums: new Float64Array(aggregate.numbers), objs: new Array(aggregate.objects).fill(null) };
    const { add, leave, cleared, ready } = holds(cells, aggregate, spec);
    return {
      add,
      leave,
      answer: () => {
        ready?.();
        return aggregate.finalise(cells, 0, 0) ?? null;
      },
      clear: () => {
        cells.objs.fill(null);
        cleared?.();
      },
    };
  };
}

/** The latest events alone: one that newer ones pushed out would leave before them. */
function latest(cells: Cells, aggregate: Aggregate): Held {
  return {
    add: (value, ts, id) => aggregate.update(cells, 0, 0, value, ts, id),
    leave: (_, from) => dropEntriesBefore(cells, 0, from),
  };
}

/** How often each value is there; the most frequent ones alone are finalised. */
function ranked(cells: Cells, _aggregate: Aggregate, { inputType, params }: AggregateSpec): Held {
  const { toText } = scalarForm(inputType ?? { type: 'text', nullable: true });
  const { k, cap } = params;
  const values = new Interner<Scalar>();
  const order = new RankedSlots((a, b) => {
    const more = values.timesAt(a) - values.timesAt(b);
    return more === 0 ? compareText(toText(values.valueAt(a)), toText(values.valueAt(b))) < 0 : more > 0;
  });
  return {
    add: (value, _ts, _id, _sign, left) => {
      const scalar = scalarOf(value);
      if (scalar === null) return;
      const slot = values.take(scalar);
      order.changed(slot);
      left.push(slot);
    },
    leave: (left) => {
      for (const slot of left) {
        if (values.release(slot) > 0) order.changed(slot);
        else order.remove(slot);
      }
    },
    ready: () => {
      const isBeyond = values.held.size > cap;
      // Beyond the cap only the number of values is asked for.
      const counts = isBeyond
        ? values.held
        : new Map(order.first(k).map((slot) => [values.valueAt(slot), values.timesAt(slot)] as const));
      cells.objs[0] = counts.size === 0 ? null : { ...emptyCounts(), counts };
    },
    cleared: () => {
      values.clear();
      order.clear();
    },
  };
}

/** Which values are there: how many they are is all that is asked for. */
function counted(cells: Cells): Held {
  const values = new Interner<Scalar>();
  const held = { ...emptyCounts(), counts: values.held };
  return {
    add: (value, _ts, _id, _sign, left) => {
      const scalar = scalarOf(value);
      if (scalar === null) return;
      left.push(values.take(scalar));
      cells.objs[0] = held;
    },
    leave: (left) => {
      for (const slot of left) values.release(slot);
    },
    cleared: () => values.clear(),
  };
}

function binned(cells: Cells, aggregate: Aggregate): Held {
  return {
    add: (value, ts, id, _sign, left) => {
      aggregate.update(cells, 0, 0, value, ts, id);
      const bin = binOfValue(value);
      if (bin !== null) left.push(bin);
    },
    leave: (left) => {
      const bins = cells.objs[0] as BinCounts;
      for (const bin of left) takeFromBin(bins, bin);
      if (bins?.length === 0) cells.objs[0] = null;
    },
  };
}

/** How often each rank of each register is there: the greatest of them is the register. */
function registered(cells: Cells, _aggregate: Aggregate, { inputType }: AggregateSpec): Held {
  const { toText } = scalarForm(inputType ?? { type: 'text', nullable: true });
  const registers = new Uint8Array(HLL_REGISTERS);
  const times = new Map<number, number>();
  return {
    add: (value, _ts, _id, _sign, left) => {
      const scalar = scalarOf(value);
      if (scalar === null) return;
      const packed = textBucket(toText(scalar));
      times.set(packed, (times.get(packed) ?? 0) + 1);
      if ((packed & 63) > registers[packed >> 6]) registers[packed >> 6] = packed & 63;
      cells.objs[0] = registers;
      left.push(packed);
    },
    leave: (left) => {
      for (const packed of left) {
        const rest = (times.get(packed) ?? 0) - 1;
        if (rest > 0) {
          times.set(packed, rest);
          continue;
        }
        times.delete(packed);
        const bucket = packed >> 6;
        while (registers[bucket] > 0 && !times.has(bucket * 64 + registers[bucket])) registers[bucket] -= 1;
      }
      if (times.size === 0) cells.objs[0] = null;
    },
    cleared: () => {
      if (times.size > 0) registers.fill(0);
      times.clear();
    },
  };
}

/** The total of each day and how many inputs it has. */
function daily(cells: Cells, aggregate: Aggregate): Held {
  const values = new Interner<number | bigint>();
  const inputs = new Map<number, number>();
  return {
    add: (value, ts, id, _sign, left) => {
      if (typeof value !== 'number' && typeof value !== 'bigint') return;
      aggregate.update(cells, 0, 0, value, ts, id);
      const day = floorTo(ts, DAY_MS);
      inputs.set(day, (inputs.get(day) ?? 0) + 1);
      left.push(day, values.take(value));
    },
    leave: (left) => {
      const totals = cells.objs[0] as Map<number, bigint>;
      for (let i = 0; i < left.length; i += 2) {
        const day = left[i];
        totals.set(day, (totals.get(day) ?? 0n) - BigInt(values.valueAt(left[i + 1])));
        values.release(left[i + 1]);
        const rest = (inputs.get(day) ?? 0) - 1;
        inputs.set(day, rest);
        if (rest > 0) continue;
        inputs.delete(day);
        totals.delete(day);
      }
      if (inputs.size === 0) cells.objs[0] = null;
    },
    cleared: () => {
      values.clear();
      inputs.clear();
    },
  };
}

/** Images of rows; one that leaves is gone, however often it was put in or taken away. */
function imaged(cells: Cells, aggregate: Aggregate): Held {
  const { update, retract = update } = aggregate;
  return {
    add: (value, ts, id, sign) => (sign < 0 ? retract : update)(cells, 0, 0, value, ts, id),
    leave: (_, from) => dropImagesBefore(cells, 0, from),
  };
}

/** Numbers that stand for values while somebody holds them: a value that many events have is kept once. Hot path. */
class Interner<V> {
  readonly #slots = new Map<V, number>();
  readonly #values: V[] = [];
  readonly #times: number[] = [];
  readonly #free: number[] = [];

  /** The slot of a value, which is held once more. */
  take(value: V): number {
    const known = this.#slots.get(value);
    if (known !== undefined) {
      this.#times[known] += 1;
      return known;
    }
    const slot = this.#free.pop() ?? this.#values.length;
    this.#values[slot] = value;
    this.#times[slot] = 1;
    this.#slots.set(value, slot);
    return slot;
  }

  /** Gives a slot back once; returns how often it is still held. */
  release(slot: number): number {
    this.#times[slot] -= 1;
    if (this.#times[slot] === 0) {
      this.#slots.delete(this.#values[slot]);
      this.#free.push(slot);
    }
    return this.#times[slot];
  }

  /** The slots of the values that are held. */
  get held(): Map<V, number> {
    return this.#slots;
  }

  valueAt(slot: number): V {
    return this.#values[slot];
  }

  timesAt(slot: number): number {
    return this.#times[slot];
  }

  clear(): void {
    if (this.#slots.size === 0) return;
    this.#slots.clear();
    this.#values.length = 0;
    this.#times.length = 0;
    this.#free.length = 0;
  }
}
