import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { compareText } from '../../base/text-order.ts';
import type { Scalar, ScalarForm } from './value-text.ts';

/**
 * Exact counts by value, the partial of distinct and top_k. Beyond the cap it keeps the `cap + 1` values whose texts are
 * least, with their counts: enough to know that there are too many, and the same whatever the order of events and
 * merges, so that equal tiles stay equal.
 */
export interface ValueCounts {
  readonly counts: Map<Scalar, number>;
  /** The kept value whose text is greatest, once there are `cap + 1`; null where it is not known. */
  greatest: Scalar | null;
}

/** How many different values may be asked for. */
export const MOST_VALUES = 1_000_000;

/** The parameters of an aggregate's counts: the form of its values and its cap. */
export interface CountsRule {
  readonly form: ScalarForm;
  readonly cap: number;
}

export function emptyCounts(): ValueCounts {
  return { counts: new Map(), greatest: null };
}

export function copyCounts({ counts, greatest }: ValueCounts): ValueCounts {
  return { counts: new Map(counts), greatest };
}

/** The counts in an object slot, made if it holds null. */
export function countsAt(objs: unknown[], o: number): ValueCounts {
  const held = heldCounts(objs, o);
  if (held !== null) return held;
  const made = emptyCounts();
  objs[o] = made;
  return made;
}

/** The counts in an object slot; null where there are none. */
export function heldCounts(objs: readonly unknown[], o: number): ValueCounts | null {
  return objs[o] as ValueCounts | null;
}

/** Adds `count` of a value. */
export function addValue(held: ValueCounts, value: Scalar, count: number, { form, cap }: CountsRule): void {
  const { counts } = held;
  const known = counts.get(value);
  if (known !== undefined) counts.set(value, known + count);
  else if (counts.size <= cap) {
    counts.set(value, count);
    held.greatest = null;
  } else {
    held.greatest ??= greatestOf(counts, form);
    if (compareText(form.toText(value), form.toText(held.greatest)) >= 0) return;
    counts.delete(held.greatest);
    counts.set(value, count);
    held.greatest = null;
  }
}

/** Adds the counts of the partial in a slot of another bank; never shares memory with it. */
export function mergeCounts(objs: unknown[], o: number, from: readonly unknown[], fo: number, rule: CountsRule): void {
  const added = heldCounts(from, fo);
  if (added === null) return;
  const held = heldCounts(objs, o);
  if (held === null) objs[o] = copyCounts(added);
  else if (held.counts.size + added.counts.size <= rule.cap + 1) addAll(held, added.counts);
  else for (const [value, count] of added.counts) addValue(held, value, count, rule);
}

/** Adds counts that have room, whatever is new among them. */
function addAll(held: ValueCounts, added: ReadonlyMap<Scalar, number>): void {
  const { counts } = held;
  added.forEach((count, value) => {
    counts.set(value, (counts.get(value) ?? 0) + count);
  });
  held.greatest = null;
}

/** The values with their counts, ascending by the bytes of their texts. */
export function sortedCounts(
  held: ValueCounts | null,
  form: ScalarForm,
): readonly (readonly [string, Scalar, number])[] {
  if (held === null) return [];
  return [...held.counts]
    .map(([value, count]) => [form.toText(value), value, count] as const)
    .sort(([a], [b]) => compareText(a, b));
}

/** `varint(values) *(value varint(count))`, ascending by text. */
export function writeCounts(writer: ByteWriter, held: ValueCounts | null, form: ScalarForm): void {
  const sorted = sortedCounts(held, form);
  writer.varint(sorted.length);
  for (const [, value, count] of sorted) {
    form.write(writer, value);
    writer.varint(count);
  }
}

/** Reads what {@link writeCounts} wrote; null where it is of no values. Error: BYTES_DAMAGED. */
export function readCounts(reader: ByteReader, { form, cap }: CountsRule): ValueCounts | null {
  const size = reader.varint();
  if (size > cap + 1) throw reader.damaged(`they hold ${size} values of at most ${cap}`);
  if (size === 0) return null;
  const held = emptyCounts();
  for (let i = 0; i < size; i += 1) {
    const value = form.read(reader);
    if (held.counts.has(value)) throw reader.damaged('a value occurs twice');
    held.counts.set(value, reader.varint());
  }
  return held;
}

function greatestOf(counts: ReadonlyMap<Scalar, number>, form: ScalarForm): Scalar {
  let greatest: Scalar = '';
  let text = '';
  for (const value of counts.keys()) {
    const next = form.toText(value);
    if (compareText(next, text) < 0) continue;
    greatest = value;
    text = next;
  }
  return greatest;
}
