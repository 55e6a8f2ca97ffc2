import fc from 'fast-check';
import type { AggregateKind, AggregateSpec } from '../../features/define/declaration.ts';
import type { ColumnSpec, Columns } from '../../schema/column.ts';

/** Columns of the events that random views are over: every type once, all but id and time nullable. */
export const eventColumns = {
  id: { type: 'text', nullable: false },
  at: { type: 'time', nullable: false },
  tenant: { type: 'text', nullable: true },
  user: { type: 'int64', nullable: true },
  whole: { type: 'int', nullable: true },
  wide: { type: 'int64', nullable: true },
  money: { type: 'decimal', nullable: true, scale: 2 },
  real: { type: 'float', nullable: true },
  flag: { type: 'bool', nullable: true },
  word: { type: 'text', nullable: true },
  when: { type: 'time', nullable: true },
  taste: { type: 'embedding', nullable: true, length: 3 },
} as const satisfies Columns;

type ColumnName = keyof typeof eventColumns;

const EXACT: readonly ColumnName[] = ['whole', 'wide', 'money'];
const COUNTED: readonly ColumnName[] = [...EXACT, 'flag', 'word', 'when'];
const EVERY: readonly ColumnName[] = [...COUNTED, 'real'];
const KEPT: readonly ColumnName[] = [...EVERY, 'taste'];

/** Columns that each kind takes. */
const inputs: Readonly<Record<AggregateKind, readonly (ColumnName | null)[]>> = {
  count: [null, ...KEPT],
  share: ['flag'],
  sum: EXACT,
  mean: [...EXACT, 'taste'],
  min: [...EXACT, 'real', 'word', 'when'],
  max: [...EXACT, 'real', 'word', 'when'],
  variancePop: EXACT,
  varianceSample: EXACT,
  stddevPop: EXACT,
  stddevSample: EXACT,
  first: KEPT,
  last: KEPT,
  lastN: EVERY,
  distinct: EVERY,
  approxDistinct: COUNTED,
  quantile: [...EXACT, 'when'],
  topK: COUNTED,
  topKCounts: COUNTED,
  meanOfDays: EXACT,
  minOfDays: EXACT,
  maxOfDays: EXACT,
  quantileOfDays: EXACT,
};

/** Parameters small enough that random streams pass them. */
const params: Readonly<Record<string, fc.Arbitrary<Readonly<Record<string, number>>>>> = {
  lastN: fc.record({ n: fc.integer({ min: 1, max: 4 }) }),
  distinct: fc.record({ cap: fc.integer({ min: 1, max: 8 }) }),
  topK: fc.record({ k: fc.integer({ min: 1, max: 3 }), cap: fc.integer({ min: 1, max: 8 }) }),
  topKCounts: fc.record({ k: fc.integer({ min: 1, max: 3 }), cap: fc.integer({ min: 1, max: 8 }) }),
  quantile: fc.record({ q: fc.constantFrom(0, 0.1, 0.5, 0.9, 1) }),
  quantileOfDays: fc.record({ q: fc.constantFrom(0, 0.1, 0.5, 0.9, 1) }),
};

/** Every kind of aggregate over every column that it takes. */
export const everyAggregate: readonly Omit<AggregateSpec, 'params'>[] = Object.entries(inputs).flatMap(
  ([kind, columns]) => columns.map((column) => specOf(kind as AggregateKind, column)),
);

/** A random aggregate over {@link eventColumns}; its name says kind and column. */
export const anyAggregate: fc.Arbitrary<AggregateSpec> = fc
  .constantFrom(...everyAggregate)
  .chain((spec) => (params[spec.kind] ?? fc.constant({})).map((chosen) => ({ ...spec, params: chosen })));

function specOf(kind: AggregateKind, column: ColumnName | null): Omit<AggregateSpec, 'params'> {
  const inputType: ColumnSpec | null = column === null ? null : eventColumns[column];
  const name = `${kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_${column ?? 'events'}`;
  return { name, kind, input: column === null ? null : { kind: 'column', name: column }, inputType };
}
