import { fail } from '../../base/errors/fail.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import type { Base, ScalarTag, Tag } from './tag.ts';
import { tagOf } from './tag.ts';

/** A declared column; `of` is its type with `?` where it can be null. */
export interface Column<T extends Tag> extends ColumnSpec {
  readonly of: T;
}

/** Unit and expected range of a column, for people and quality checks. */
export interface ColumnOptions {
  readonly unit?: string;
  readonly range?: readonly [number, number];
}

/** Text, compared by its UTF-8 bytes. */
export const text = (): Column<'text'> => column<'text'>({ type: 'text', nullable: false });
/** An integer within ±(2^53 − 1). */
export const int = (options: ColumnOptions = {}): Column<'int'> =>
  column<'int'>({ type: 'int', nullable: false, ...options });
/** An integer within int64; a bigint in TypeScript. */
export const int64 = (options: ColumnOptions = {}): Column<'int64'> =>
  column<'int64'>({ type: 'int64', nullable: false, ...options });
/** A finite double. Sums and means of doubles depend on their order: `decimal` is summed exactly. */
export const float = (options: ColumnOptions = {}): Column<'float'> =>
  column<'float'>({ type: 'float', nullable: false, ...options });
/** true or false. */
export const bool = (): Column<'bool'> => column<'bool'>({ type: 'bool', nullable: false });
/**
 * An instant as epoch milliseconds (UTC). A number that is only plausible in seconds, microseconds or nanoseconds is
 * refused; one within `range` is not.
 */
export const time = (options: Pick<ColumnOptions, 'range'> = {}): Column<'time'> =>
  column<'time'>({ type: 'time', nullable: false, ...options });

/** A decimal number of `scale` digits after the point (0 to 15), kept as an integer; its exact text in TypeScript. Error: COLUMN_SCALE. */
export function decimal(scale: number, options: ColumnOptions = {}): Column<'decimal'> {
  if (!Number.isInteger(scale) || scale < 0 || scale > 15) throw fail('COLUMN_SCALE', { scale });
  return column<'decimal'>({ type: 'decimal', nullable: false, scale, ...options });
}

/** An array of values of one type. Error: COLUMN_ELEMENT. */
export function list<E extends ScalarTag>(element: Column<E>): Column<`list<${E}>`> {
  const { type, scale } = element;
  if (type === 'list' || type === 'embedding' || element.nullable) throw fail('COLUMN_ELEMENT', { type: element.of });
  return column<`list<${E}>`>({
    type: 'list',
    element: type,
    nullable: false,
    ...(scale === undefined ? {} : { scale }),
  });
}

/** Numbers that an embedding has at most. */
const LONGEST = 4_096;

/**
 * A fixed number of finite numbers (1 to 4,096), such as a learned embedding; `readonly number[]` in TypeScript. `range`
 * is that of each number. Error: COLUMN_LENGTH.
 */
export function embedding<const N extends number>(length: N, options: ColumnOptions = {}): Column<`embedding<${N}>`> {
  if (!Number.isInteger(length) || length < 1 || length > LONGEST) throw fail('COLUMN_LENGTH', { length });
  return column<`embedding<${N}>`>({ type: 'embedding', nullable: false, length, ...options });
}

/** The column, where null is a value too. */
export function nullable<T extends Tag>(of: Column<T>): Column<`${Base<T>}?`> {
  const { of: _, ...spec } = of;
  return column<`${Base<T>}?`>({ ...spec, nullable: true });
}

/** The column, which producers may leave out from now on: how one goes without a new version of its source. */
export function deprecated<T extends Tag>(of: Column<T>): Column<`${Base<T>}?`> {
  const { of: _, ...spec } = of;
  return column<`${Base<T>}?`>({ ...spec, nullable: true, deprecated: true });
}

function column<T extends Tag>(spec: ColumnSpec): Column<T> {
  return Object.freeze({ ...spec, of: tagOf(spec) as T });
}

/** Columns by name, as a user writes them. */
export type ColumnMap = Readonly<Record<string, Column<Tag>>>;

/** The tags of columns. */
export type TagsOf<C extends ColumnMap> = {
  readonly [K in keyof C & string]: C[K] extends Column<infer T> ? T : never;
};

/** The columns as plain data, without their type-level names. */
export function columnSpecs(columns: ColumnMap): Readonly<Record<string, ColumnSpec>> {
  return Object.fromEntries(Object.entries(columns).map(([name, { of: _, ...spec }]) => [name, Object.freeze(spec)]));
}

/** The tags as data, by name. */
export function columnTags<C extends ColumnMap>(columns: C): TagsOf<C> {
  return Object.fromEntries(Object.entries(columns).map(([name, { of }]) => [name, of])) as TagsOf<C>;
}
