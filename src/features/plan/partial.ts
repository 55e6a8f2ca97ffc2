import type { ColumnSpec } from '../../schema/column.ts';
import { aggregateOf } from '../aggregate/aggregates.ts';
import type { AggregateKind, AggregateSpec } from '../define/declaration.ts';
import type { SqlType } from './table.ts';
import { inputName, type ViewInput } from './view-events.ts';

/**
 * Endings of the scalar columns of partials. Tiles have `sum` and `sq`; where windows are read from events, `total` and
 * `squares` stand for them, wide enough for any sum, and `wild` counts the inputs that are too large to be squared. The
 * mean of embeddings has `e0`, `e1`, …, one by number, of which `element` says which, and `beyond` counts the embeddings
 * with a number that is too large to be summed.
 */
export type PartialSuffix =
  | 'n'
  | 'true'
  | 'sum'
  | 'sq'
  | 'min'
  | 'max'
  | 'first'
  | 'last'
  | 'total'
  | 'squares'
  | 'wild'
  | 'element'
  | 'beyond';

/** One scalar column of an aggregate's partial. */
export interface Partial {
  /** `<aggregate>_<suffix>`. */
  readonly name: string;
  readonly aggregate: AggregateKind;
  readonly suffix: PartialSuffix;
  /** Which number of an embedding, from 0; `element` only. */
  readonly element?: number;
  readonly type: SqlType;
  /** Column of the view's events; null: the event itself. */
  readonly input: string | null;
  readonly inputType: ColumnSpec | null;
  /** Whether events have a sign: those of −1 are taken away. */
  readonly signed?: boolean;
}

/** The count of events that every tile and instant has, as if it were an aggregate's. */
export const EVENTS: Partial = {
  name: 'n',
  aggregate: 'count',
  suffix: 'n',
  type: 'BIGINT',
  input: null,
  inputType: null,
};

/** The columns of an aggregate's partial in a tile, as the algebra names them. */
export function tilePartials(spec: AggregateSpec, inputs: readonly ViewInput[]): readonly Partial[] {
  return aggregateOf(spec).columns.map(({ suffix, type }) => {
    const [, element] = /^e(\d+)$/.exec(suffix) ?? [];
    if (element === undefined) return partial(spec, suffixOf(suffix), type, inputs);
    return { ...partial(spec, 'element', type, inputs), name: `${spec.name}_${suffix}`, element: Number(element) };
  });
}

/** The columns of an aggregate's partial where windows are read from events. */
export function readPartials(spec: AggregateSpec, inputs: readonly ViewInput[]): readonly Partial[] {
  return tilePartials(spec, inputs).flatMap((column): readonly Partial[] => {
    if (column.suffix === 'sum') return [partial(spec, 'total', 'DECIMAL', inputs)];
    if (column.suffix === 'sq')
      return [partial(spec, 'squares', 'DECIMAL', inputs), partial(spec, 'wild', 'BIGINT', inputs)];
    return [column];
  });
}

function partial(spec: AggregateSpec, suffix: PartialSuffix, type: SqlType, inputs: readonly ViewInput[]): Partial {
  const input = inputName(inputs, spec.input);
  const signed = spec.retracts === true ? { signed: true } : {};
  return {
    name: `${spec.name}_${suffix}`,
    aggregate: spec.kind,
    suffix,
    type,
    input,
    inputType: spec.inputType,
    ...signed,
  };
}

const TILE_SUFFIXES = [
  'n',
  'true',
  'sum',
  'sq',
  'min',
  'max',
  'first',
  'last',
  'beyond',
] as const satisfies PartialSuffix[];

function suffixOf(text: string): PartialSuffix {
  const suffix = TILE_SUFFIXES.find((known) => known === text);
  if (suffix === undefined) throw new TypeError(`no SQL is known for partial columns that end in ${text}`);
  return suffix;
}
