import { compareText } from '../../base/text-order.ts';
import type { Value } from '../../schema/column.ts';
import type { AggregateKind } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate, ColumnValue, InputSpec, PartRow } from './aggregate.ts';
import { parseStamp, stampText } from './event-text.ts';
import { addLimbs, addSquare, setSquares, squaresToBigInt } from './exact-squares.ts';
import { setSum, sumToBigInt } from './exact-sum.ts';
import { mergeEach, objectOnly } from './object-only.ts';
import { SUM_SLOTS, updateSum } from './sum.ts';
import { type KeptForm, keptForm } from './value-text.ts';

/** Kinds whose partial is sums: a row is taken away by subtracting it. All others keep their rows. */
const ADDITIVE = [
  'count',
  'share',
  'sum',
  'mean',
  'variancePop',
  'varianceSample',
  'stddevPop',
  'stddevSample',
] as const satisfies AggregateKind[];

type Additive = (typeof ADDITIVE)[number];

export function isAdditive(kind: AggregateKind): kind is Additive {
  return ADDITIVE.some((one) => one === kind);
}

/**
 * The algebra of an aggregate over a source that deletes rows. Sums subtract deleted rows, so a deletion may arrive
 * before its row. Aggregates that cannot subtract (least, latest, different values) keep the images of the rows with
 * their counts, and the inner aggregate answers over the images with a positive count.
 */
export function retracting(spec: InputSpec, inner: Aggregate): Aggregate {
  if (!isAdditive(spec.kind)) return rowsKept(spec, inner);
  const embeddings = spec.kind === 'mean' && spec.inputType.type === 'embedding';
  return { ...inner, ...(embeddings ? embeddingsSummed(inner) : SUBTRACTS[spec.kind](inner)) };
}

type Members = Pick<Aggregate, 'retract' | 'isSound'> & Partial<Aggregate>;

const SUBTRACTS: Readonly<Record<Additive, (inner: Aggregate) => Members>> = {
  count: counted,
  share: (inner) => ({
    ...counted(inner),
    finalise: (cells, n, o) => (cells.nums[n + 1] <= 0 ? null : inner.finalise(cells, n, o)),
  }),
  sum: summed,
  mean: summed,
  variancePop: squared,
  varianceSample: squared,
  stddevPop: squared,
  stddevSample: squared,
};

/** Slots that add: what an update adds to zeros is taken away. */
function counted(inner: Aggregate): Members {
  const scratch: Cells = { nums: new Float64Array(inner.numbers), objs: [] };
  return {
    retract: (cells, n, _o, value, ts, id) => {
      scratch.nums.fill(0);
      inner.update(scratch, 0, 0, value, ts, id);
      for (let i = 0; i < inner.numbers; i += 1) cells.nums[n + i] -= scratch.nums[i];
      inner.fold?.settle(cells.nums, n);
    },
    isSound: (nums, n) => areWhole(nums, n, inner.numbers),
  };
}

function embeddingsSummed(inner: Aggregate): Members {
  return {
    ...counted(inner),
    finalise: (cells, n, o) => (cells.nums[n] <= 0 ? null : inner.finalise(cells, n, o)),
  };
}

function summed(inner: Aggregate): Members {
  return {
    retract: retractSum,
    finalise: (cells, n, o) => (cells.nums[n + 2] <= 0 ? null : inner.finalise(cells, n, o)),
    toColumns: (cells, n) => [sumToBigInt(cells.nums, n), BigInt(cells.nums[n + 2])],
    isSound: (nums, n) => areWhole(nums, n, SUM_SLOTS),
  };
}

function squared(): Members {
  const scratch = new Float64Array(3);
  return {
    retract: (cells, n, o, value) => {
      if (typeof value !== 'number' && typeof value !== 'bigint') return;
      retractSum(cells, n, o, value);
      scratch.fill(0);
      addSquare(scratch, 0, value);
      addLimbs(cells.nums, n + SUM_SLOTS, -scratch[0], -scratch[1], -scratch[2]);
    },
    toColumns: (cells, n) => [
      sumToBigInt(cells.nums, n),
      BigInt(cells.nums[n + 2]),
      squaresToBigInt(cells.nums, n + SUM_SLOTS),
    ],
    fromColumns: (cells, n, _o, [total, count, squares]: readonly ColumnValue[]) => {
      setSum(cells.nums, n, BigInt(total ?? 0));
      cells.nums[n + 2] = Number(count);
      setSquares(cells.nums, n + SUM_SLOTS, squares === null ? null : BigInt(squares));
    },
    isSound: (nums, n) =>
      areWhole(nums, n, SUM_SLOTS) &&
      (Number.isNaN(nums[n + SUM_SLOTS]) || Number.isSafeInteger(nums[n + SUM_SLOTS])) &&
      areWhole(nums, n + SUM_SLOTS + 1, 2),
  };
}

function retractSum(cells: Cells, n: number, o: number, value: Value): void {
  if (typeof value !== 'number' && typeof value !== 'bigint') return;
  updateSum(cells, n, o, typeof value === 'number' ? -value : -value);
  cells.nums[n + 2] -= 2;
}

function areWhole(nums: Float64Array, n: number, count: number): boolean {
  for (let i = n; i < n + count; i += 1) if (!Number.isSafeInteger(nums[i])) return false;
  return true;
}

/** How often each image of a row is there, by its stamp and value text; one that is there no more has no entry. */
type Rows = Map<string, number>;

/**
 * Parts: one row per image, `part` the stamp of the row (time, id) and the text of the value, `value` how often it is
 * there: `SUM(sign) … GROUP BY key, tile, part HAVING SUM(sign) <> 0`. Negative where a removal came before its row.
 */
function rowsKept({ inputType }: InputSpec, inner: Aggregate): Aggregate {
  const form = keptForm(inputType);
  const add = (objs: unknown[], o: number, text: string, count: number) => {
    const rows = (objs[o] as Rows | null) ?? new Map<string, number>();
    const left = (rows.get(text) ?? 0) + count;
    if (left === 0) rows.delete(text);
    else rows.set(text, left);
    objs[o] = rows.size === 0 ? null : rows;
  };
  const change =
    (count: number): Aggregate['update'] =>
    (cells, _n, o, value, ts, id) => {
      if (value !== null) add(cells.objs, o, stampText(ts, id) + String(value), count);
    };
  const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => {
    for (const [text, count] of rowsAt(from.objs, fo)) add(into.objs, o, text, count);
  };
  return {
    ...objectOnly<Rows>((rows) => new Map(rows)),
    result: inner.result,
    update: change(1),
    retract: change(-1),
    merge,
    mergeRange: mergeEach(merge),
    finalise: (cells, _n, o) => answerOf(inner, form, rowsAt(cells.objs, o)),
    parts: {
      schema: { part: 'STRING', value: 'BIGINT' },
      toParts: (cells, _n, o) =>
        sorted(rowsAt(cells.objs, o)).map(([part, count]): PartRow => ({ part, value: BigInt(count) })),
      fromParts: (cells, _n, o, parts) => {
        cells.objs[o] = null;
        for (const { part, value } of parts) add(cells.objs, o, String(part), Number(value));
      },
    },
    // `varint(images) *(text int(count))`, ascending by text.
    codec: {
      encode: (writer, cells, o) => {
        const rows = sorted(rowsAt(cells.objs, o));
        writer.varint(rows.length);
        for (const [text, count] of rows) {
          writer.text(text);
          writer.int(count);
        }
      },
      decode: (reader, cells, o) => {
        const rows: Rows = new Map();
        for (let left = reader.varint(); left > 0; left -= 1) rows.set(reader.text(), reader.int());
        cells.objs[o] = rows.size === 0 ? null : rows;
      },
    },
  };
}

/** Takes the images of rows before an instant out of a partial. */
export function dropImagesBefore(cells: Cells, o: number, from: number): void {
  const rows = cells.objs[o] as Rows | null;
  if (rows === null) return;
  for (const image of rows.keys()) if (parseStamp(image).ts < from) rows.delete(image);
  if (rows.size === 0) cells.objs[o] = null;
}

const NONE: Rows = new Map();

function rowsAt(objs: readonly unknown[], o: number): Rows {
  return (objs[o] as Rows | null) ?? NONE;
}

function answerOf(inner: Aggregate, form: KeptForm, rows: Rows): Value | undefined {
  const cells: Cells = { nums: new Float64Array(inner.numbers), objs: new Array(inner.objects).fill(null) };
  inner.prepare(cells, 0, 0);
  for (const [stamped, count] of rows) {
    const { ts, id, text } = parseStamp(stamped);
    for (let i = 0; i < count; i += 1) inner.update(cells, 0, 0, form.fromText(text), ts, id);
  }
  return inner.finalise(cells, 0, 0);
}

/** By bytes, as engines order their parts. */
function sorted(rows: Rows): readonly (readonly [string, number])[] {
  return [...rows].sort(([a], [b]) => compareText(a, b));
}
