import type { ColumnSpec } from '../../schema/column.ts';

/** The base types of columns, as type-level names. */
export type BaseTag = ScalarTag | `list<${ScalarTag}>` | EmbeddingTag;
export type ScalarTag = 'text' | 'int' | 'int64' | 'decimal' | 'float' | 'bool' | 'time';

/** An embedding and its length. */
export type EmbeddingTag = `embedding<${number}>`;

/** The one parameter of a column's type: its base type, with `?` where it can be null. */
export type Tag = BaseTag | `${BaseTag}?`;

/** Tags by name: the inputs or the features of a declaration. */
export type Tags = Readonly<Record<string, Tag>>;

/** The tag without `?`. */
export type Base<T extends Tag> = T extends `${infer B extends BaseTag}?` ? B : T extends BaseTag ? T : never;

/** The tag with `?`. */
export type Nullable<T extends Tag> = `${Base<T>}?`;

/** Tags that a value of tag T may stand for: itself, and itself where null is allowed. */
export type Fits<T extends Tag> = T extends `${BaseTag}?` ? Base<T> | T : T;

/** `?` if any of the tags has it. */
export type NullIf<T extends Tag, Result extends BaseTag> = [Extract<T, `${string}?`>] extends [never]
  ? Result
  : `${Result}?`;

/** The TypeScript value of a tag, as users see it: int64 is bigint, decimal its exact text, time epoch ms. */
export type ValueOf<T extends Tag> = T extends `${infer B extends BaseTag}?`
  ? BaseValue<B> | null
  : T extends BaseTag
    ? BaseValue<T>
    : never;

type BaseValue<B extends BaseTag> = B extends `list<${infer E extends ScalarTag}>`
  ? readonly ScalarValue[E][]
  : B extends EmbeddingTag
    ? readonly number[]
    : B extends ScalarTag
      ? ScalarValue[B]
      : never;

interface ScalarValue {
  text: string;
  int: number;
  int64: bigint;
  decimal: string;
  float: number;
  bool: boolean;
  time: number;
}

/** Values by name, from tags by name. */
export type Values<T extends Tags> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** Numbers that sums and means are exact on. */
export type ExactTag = 'int' | 'int64' | 'decimal';

/** The tag of a column as plain data. */
export function tagOf(spec: ColumnSpec): Tag {
  const base = baseTagOf(spec);
  return spec.nullable ? `${base}?` : base;
}

function baseTagOf({ type, element = 'text', length = 1 }: ColumnSpec): BaseTag {
  if (type === 'list') return `list<${element}>`;
  return type === 'embedding' ? `embedding<${length}>` : type;
}
