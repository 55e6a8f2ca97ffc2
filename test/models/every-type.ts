import type { Column } from '../../src/features/define/column-factories.ts';
import {
  batchView,
  bool,
  decimal,
  defineProject,
  embedding,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  last,
  lastN,
  list,
  lookup,
  model,
  nullable,
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { Tag } from '../../src/features/define/tag.ts';
import type { ValueType } from '../../src/schema/column.ts';

/** A value as JSON has it. */
export type Sample = string | number | boolean | readonly (string | number | boolean)[];

interface Sampled {
  readonly column: Column<Tag>;
  readonly values: readonly Sample[];
}

/** Columns of every type, with values at their edges: a type that the schema adds belongs here. */
export const samples: Readonly<Record<ValueType, readonly Sampled[]>> = {
  text: [{ column: text(), values: ['', 'true', '12.09'] }],
  int: [{ column: int(), values: [0, -7, 16_777_217, Number.MAX_SAFE_INTEGER] }],
  int64: [
    {
      column: int64(),
      // The second is rounded to another float32 directly than by way of a double.
      values: ['9007199254740993', '9007199791611905', '-9223372036854775808', '9223372036854775807'],
    },
  ],
  decimal: [
    { column: decimal(0), values: ['12', '-3'] },
    { column: decimal(2), values: ['12.09', '-0.01', '92233720368547758.07', '0.00'] },
    { column: decimal(15), values: ['0.100000000000001', '-9223.372036854775808'] },
  ],
  float: [{ column: float(), values: [0.1, -3.3e38, 1e-40, 16_777_217.5] }],
  bool: [{ column: bool(), values: [true, false] }],
  time: [{ column: time(), values: [0, 1_767_225_600_001, -1] }],
  list: [
    { column: list(text()), values: [['a'], []] },
    { column: list(int()), values: [[1, 2], []] },
    { column: list(int64()), values: [['9007199254740993']] },
    { column: list(float()), values: [[0.5]] },
    { column: list(bool()), values: [[true]] },
    { column: list(time()), values: [[1]] },
  ],
  embedding: [
    {
      column: embedding(3),
      values: [
        [0.1, -2, 3e-9],
        [1, 0, 16_777_217.5],
      ],
    },
  ],
};

/** A column of the project: each type as it is, and where null is allowed. */
export interface EveryColumn {
  readonly name: string;
  readonly type: ValueType;
  readonly column: Column<Tag>;
  /** The value of a row; null in every third where that is allowed. */
  readonly sampleOf: (row: number) => Sample | null;
}

export const everyColumn: readonly EveryColumn[] = Object.entries(samples).flatMap(([type, sampled]) =>
  sampled.flatMap(({ column, values }, i): readonly EveryColumn[] => {
    const sampleOf = (row: number): Sample => values[row % values.length];
    const name = `${type}_${i}`;
    const plain = { name, type: type as ValueType, column, sampleOf };
    const orNull = (row: number) => (row % 3 === 2 ? null : sampleOf(row));
    return [plain, { ...plain, name: `${name}_or_null`, column: nullable(column), sampleOf: orNull }];
  }),
);

/** What is declared by a loop has no types by name. */
function anyOf(of: unknown): Readonly<Record<string, never>> {
  return of as Readonly<Record<string, never>>;
}

const columns = Object.fromEntries(everyColumn.map(({ name, column }) => [name, column]));

/** What requests bring: the input that a model is to answer, whom they ask for, and a value of every type. */
const request = { pick: int(), who: text(), ...columns };

export const facts = eventSource('facts', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), who: text(), ...columns },
});
export const asks = eventSource('asks', { id: 'id', time: 'at', columns: { id: text(), at: time(), ...request } });
export const outcomes = eventSource('outcomes', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), good: bool(), amount: float() },
});

const who = entity('who', { who: text() });

const streamed = streamView('streamed', {
  source: facts,
  entity: who,
  key: { who: 'who' },
  windows: ['1d'],
  freshness: '1s',
  features: (e) =>
    Object.fromEntries(
      everyColumn.map(({ name, type }) => [
        name,
        type === 'list' ? lastN(anyOf(e)['decimal_1'], 2) : last(anyOf(e)[name]),
      ]),
    ),
});

export const stored = batchView('stored', {
  entity: who,
  schedule: '0 3 * * *',
  freshness: '2d',
  reads: { facts },
  features: columns,
  sql: ({ facts: rows }) => sql`SELECT * EXCLUDE (id, "at") FROM ${rows}`,
});

export const service = featureService('every_type', {
  request,
  join: (r) => {
    const key = { who: r.who };
    return { s: lookup(streamed, key), b: lookup(stored, key) };
  },
  compute: (r) => anyOf(r),
});

const spine = { from: asks, id: 'id' } as never;

/** Answers the input whose place the request names. */
export const picked = model('picked', {
  task: 'regression',
  service,
  spine,
  label: { from: outcomes, id: 'asked', value: (e) => e.amount, within: '1h' },
  train: {
    with: {
      kind: 'command',
      command: [process.execPath, new URL('./processes/pick-program.ts', import.meta.url).pathname],
    },
  },
});

export const fitted = model('fitted', {
  task: 'binary',
  service,
  spine,
  label: { from: outcomes, id: 'asked', value: (e) => e.good, within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});

export const project = defineProject('every_type', {
  facts,
  asks,
  outcomes,
  streamed,
  stored,
  service,
  picked,
  fitted,
});
