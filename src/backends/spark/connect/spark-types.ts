import { decode, type Fields, type Message, messagesIn, textIn } from './protobuf.ts';

/** A type as far as scoring looks at it, `cell` where a model can read it: numbers of the protocol's `DataType`. */
export type ColumnKind = 'cell' | 'other' | { readonly listOf: ColumnKind };

/** Columns of a relation by their names. */
export type ColumnKinds = ReadonlyMap<string, ColumnKind>;

const STRUCT = 21;
const LIST = 20;
/** Booleans, numbers, decimals and texts. */
const CELLS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 9, 10, 11]);

/** The columns of a schema. */
export function columnKinds(schema: Buffer): ColumnKinds {
  const fields = messagesIn(decode(schema), STRUCT).flatMap((struct) => messagesIn(struct, 1));
  return new Map(fields.map((field) => [textIn(field, 1) ?? '', kindOf(messagesIn(field, 2)[0])]));
}

function kindOf(type: Message | undefined): ColumnKind {
  const [number = 0] = type?.keys() ?? [];
  if (number !== LIST || type === undefined) return CELLS.has(number) ? 'cell' : 'other';
  const [list] = messagesIn(type, LIST);
  return { listOf: kindOf(messagesIn(list, 1)[0]) };
}

const DOUBLE = 9;
const STRING = 11;

/** A schema and the columns that scoring adds. */
export function withScores(schema: Buffer): Fields {
  const structs = decode(schema).get(STRUCT) ?? [];
  const fields = structs.flatMap((struct) => (Buffer.isBuffer(struct) ? (decode(struct).get(1) ?? []) : []));
  const added = (
    [
      ['score', DOUBLE],
      ['code_', STRING],
      ['reason_', STRING],
    ] as const
  ).map(
    ([name, type]) =>
      [
        1,
        [
          [1, name],
          [2, [[type, []]]],
          [3, 1],
        ],
      ] as const,
  );
  return [[STRUCT, [...fields.map((field) => [1, field] as const), ...added]]];
}
