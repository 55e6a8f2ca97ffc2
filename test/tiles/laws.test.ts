import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';
import type { Aggregate } from '../../src/features/aggregate/aggregate.ts';
import { aggregateOf } from '../../src/features/aggregate/aggregates.ts';
import type { AggregateSpec } from '../../src/features/define/declaration.ts';
import type { Cells } from '../../src/features/tile/cells.ts';
import type { Value } from '../../src/schema/column.ts';
import { anyAggregate, eventColumns, everyAggregate } from '../../src/testing/arbitraries/any-aggregate.ts';
import { anyContent } from '../../src/testing/arbitraries/any-event.ts';
import { naiveAggregate } from '../../src/testing/oracle/naive-aggregate.ts';

interface Event {
  readonly ts: number;
  readonly id: string;
  readonly value: Value;
}

const positions = Object.keys(eventColumns);

/** Ties within a few ms, on several days around 0. */
const anyTime = fc
  .tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }))
  .map(([day, ms]) => day * 86_400_000 + ms);

/** Events with distinct ids, their values taken from the aggregate's column. */
function eventsFor(spec: AggregateSpec): fc.Arbitrary<readonly Event[]> {
  const column = spec.input?.kind === 'column' ? positions.indexOf(spec.input.name) - 2 : -1;
  return fc
    .array(fc.tuple(anyTime, anyContent), { maxLength: 24 })
    .map((rows) => rows.map(([ts, row], i) => ({ ts, id: `${i % 3}${i}`, value: column < 0 ? null : row[column] })));
}

const anyCase = anyAggregate.chain((spec) => fc.tuple(fc.constant(spec), eventsFor(spec)));

/** A partial that is between two others of the same kind, so that writing next to its slots shows. */
class Partial {
  readonly algebra: Aggregate;
  readonly cells: Cells;
  readonly n: number;
  readonly o: number;

  constructor(algebra: Aggregate) {
    this.algebra = algebra;
    this.cells = {
      nums: new Float64Array(3 * algebra.numbers).fill(7),
      objs: new Array(3 * algebra.objects).fill('beside'),
    };
    this.n = algebra.numbers;
    this.o = algebra.objects;
    algebra.prepare(this.cells, this.n, this.o);
  }

  static of(spec: AggregateSpec, events: readonly Event[]): Partial {
    return new Partial(aggregateOf(spec)).add(events);
  }

  add(events: readonly Event[]): this {
    for (const { value, ts, id } of events) this.algebra.update(this.cells, this.n, this.o, value, ts, id);
    return this;
  }

  merge(other: Partial): this {
    this.algebra.merge(this.cells, this.n, this.o, other.cells, other.n, other.o);
    return this;
  }

  clone(): Partial {
    const copy = new Partial(this.algebra);
    this.algebra.clone(copy.cells, copy.n, copy.o, this.cells, this.n, this.o);
    return copy;
  }

  answer(): Value | undefined {
    return this.algebra.finalise(this.cells, this.n, this.o);
  }

  /** All of it, canonically: slots, objects as bytes, and what is next to. */
  contents(): unknown {
    const writer = new ByteWriter();
    this.algebra.codec?.encode(writer, this.cells, this.o);
    const { numbers, objects } = this.algebra;
    const beside = [...this.cells.nums.slice(0, numbers), ...this.cells.nums.slice(2 * numbers)];
    expect(beside.every((value) => value === 7)).toBe(true);
    expect([...this.cells.objs.slice(0, objects), ...this.cells.objs.slice(2 * objects)]).toEqual(
      new Array(2 * objects).fill('beside'),
    );
    return { numbers: [...this.cells.nums.slice(this.n, this.n + numbers)], objects: [...writer.view()] };
  }
}

test('there is an aggregate of every kind over every type that it takes', () => {
  expect(new Set(everyAggregate.map(({ kind }) => kind)).size).toBe(22);
  expect(everyAggregate.length).toBeGreaterThan(70);
});

test('an answer is that of the naive definition, whatever the order of the events', () => {
  fc.assert(
    fc.property(
      anyCase.chain(([spec, events]) => fc.tuple(fc.constant(spec), fc.constant(events), shuffled(events))),
      ([spec, events, order]) => {
        const sorted = [...events].sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1));
        const inputs = sorted.map(({ value }) => (spec.input === null ? true : value));
        const times = sorted.map(({ ts }) => ts);
        expect(Partial.of(spec, order).answer()).toEqual(naiveAggregate(spec, inputs, times));
      },
    ),
    { numRuns: 1500 },
  );
});

test('any split of the events, updated apart and merged in any order, equals updating them together', () => {
  const anySplit = anyCase.chain(([spec, events]) =>
    fc.tuple(
      fc.constant(spec),
      fc.constant(events),
      fc.array(fc.nat({ max: 3 }), { minLength: events.length, maxLength: events.length }),
    ),
  );
  fc.assert(
    fc.property(anySplit, ([spec, events, parts]) => {
      const whole = Partial.of(spec, events);
      const split = [0, 1, 2, 3].map((part) =>
        Partial.of(
          spec,
          events.filter((_, i) => parts[i] === part),
        ),
      );
      const leftFirst = split.reduce((all, part) => all.merge(part), Partial.of(spec, []));
      const rightFirst = split.reduceRight((all, part) => all.merge(part), Partial.of(spec, []));
      const paired = Partial.of(spec, [])
        .merge(split[0].clone().merge(split[1]))
        .merge(split[2].clone().merge(split[3]));
      for (const merged of [leftFirst, rightFirst, paired]) {
        expect(merged.contents()).toEqual(whole.contents());
        expect(merged.answer()).toEqual(whole.answer());
      }
    }),
    { numRuns: 1000 },
  );
});

test('merging a range equals merging one partial after the other, and changes none of them', () => {
  fc.assert(
    fc.property(
      anyAggregate.chain((spec) => fc.tuple(fc.constant(spec), fc.array(eventsFor(spec), { maxLength: 5 }))),
      ([spec, tiles]) => {
        const algebra = aggregateOf(spec);
        const [numStride, objStride] = [algebra.numbers + 2, algebra.objects + 1];
        const bank: Cells = {
          nums: new Float64Array(tiles.length * numStride + 1),
          objs: new Array(tiles.length * objStride + 1).fill(null),
        };
        const parts = tiles.map((events, i) =>
          Partial.of(
            spec,
            events.map((event) => ({ ...event, id: `${i}-${event.id}` })),
          ),
        );
        parts.forEach((part, i) => {
          algebra.clone(bank, 1 + i * numStride, 1 + i * objStride, part.cells, part.n, part.o);
        });
        const before = parts.map((part) => part.contents());
        const ranged = Partial.of(spec, []);
        algebra.mergeRange(ranged.cells, ranged.n, ranged.o, bank, 1, 1, numStride, objStride, tiles.length);
        const single = parts.reduce((all, part) => all.merge(part), Partial.of(spec, []));
        expect(ranged.contents()).toEqual(single.contents());
        // Once more over what is there: a bank that the first merge had changed would show.
        algebra.mergeRange(ranged.cells, ranged.n, ranged.o, bank, 1, 1, numStride, objStride, tiles.length);
        expect(ranged.contents()).toEqual(parts.reduce((all, part) => all.merge(part), single).contents());
        expect(parts.map((part) => part.contents())).toEqual(before);
      },
    ),
    { numRuns: 800 },
  );
});

test('a merged or cloned partial shares nothing with its origin, and finalising changes nothing', () => {
  fc.assert(
    fc.property(
      anyAggregate.chain((spec) => fc.tuple(fc.constant(spec), eventsFor(spec), eventsFor(spec))),
      ([spec, some, more]) => {
        const later = more.map((event) => ({ ...event, id: `z${event.id}` }));
        const origin = Partial.of(spec, some);
        const before = origin.contents();
        const copy = origin.clone();
        const merged = Partial.of(spec, []).merge(origin);
        expect(copy.contents()).toEqual(before);
        origin.answer();
        origin.answer();
        copy.add(later);
        merged.add(later);
        expect(origin.contents()).toEqual(before);
        expect(merged.contents()).toEqual(copy.contents());
        expect(copy.contents()).toEqual(Partial.of(spec, [...some, ...later]).contents());
      },
    ),
    { numRuns: 800 },
  );
});

test('columns and parts hold the whole partial', () => {
  fc.assert(
    fc.property(anyCase, ([spec, events]) => {
      const partial = Partial.of(spec, events);
      const { algebra } = partial;
      const copy = Partial.of(spec, []);
      const columns = algebra.toColumns(partial.cells, partial.n, partial.o);
      expect(columns.length).toBe(algebra.columns.length);
      const numbers = new Float64Array(columns.length);
      if (algebra.toNumbers?.(partial.cells.nums, partial.n, numbers, 0) === true)
        expect([...numbers].map(BigInt)).toEqual(columns);
      algebra.fromColumns(copy.cells, copy.n, copy.o, columns);
      const parts = algebra.parts?.toParts(partial.cells, partial.n, partial.o) ?? [];
      algebra.parts?.fromParts(copy.cells, copy.n, copy.o, [...parts].reverse());
      expect(copy.contents()).toEqual(partial.contents());
      expect(copy.answer()).toEqual(partial.answer());
    }),
    { numRuns: 800 },
  );
});

test('decoding what was encoded gives the same partial', () => {
  fc.assert(
    fc.property(anyCase, ([spec, events]) => {
      const partial = Partial.of(spec, events);
      const { algebra } = partial;
      expect(algebra.isSound(partial.cells.nums, partial.n)).toBe(true);
      const writer = new ByteWriter();
      algebra.codec?.encode(writer, partial.cells, partial.o);
      const copy = partial.clone();
      for (let i = 0; i < algebra.objects; i += 1) copy.cells.objs[copy.o + i] = 'not read';
      const reader = new ByteReader('a partial', writer.finish());
      algebra.codec?.decode(reader, copy.cells, copy.o);
      reader.end();
      expect(copy.contents()).toEqual(partial.contents());
      expect(copy.answer()).toEqual(partial.answer());
    }),
    { numRuns: 800 },
  );
});

function shuffled<T>(items: readonly T[]): fc.Arbitrary<readonly T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
}
