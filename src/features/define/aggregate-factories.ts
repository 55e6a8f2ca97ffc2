import { fail } from '../../base/errors/fail.ts';
import type { DurationText } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import type { Expression } from '../expression/expression.ts';
import type { AggregateKind, AggregateSpec } from './declaration.ts';
import type { Expr } from './expression-factories.ts';
import type { Base, EmbeddingTag, ExactTag, Nullable, ScalarTag, Tag } from './tag.ts';

/** A window: a duration, or all events. */
export type WindowText = DurationText | 'ever';

/** An aggregate as it is written in a view; it gets its name from its key and its windows from the view, or from `over`. */
export interface AggregateDraft<T extends Tag, W extends WindowText | null = null> {
  readonly kind: 'aggregate';
  readonly of: T;
  readonly spec: Omit<AggregateSpec, 'name'>;
  readonly windows: readonly NonNullable<W>[] | null;
}

// The names of these types are what an error shows.
type ExactNumber = ExactTag | Nullable<ExactTag>;
type NoList = ScalarTag | Nullable<ScalarTag>;
type Embedding = EmbeddingTag | Nullable<EmbeddingTag>;
type ExactNumberOrEmbedding = ExactNumber | Embedding;
type NoListNoFloat = Exclude<NoList, 'float' | 'float?'>;
type NoListNoBool = Exclude<NoList, 'bool' | 'bool?'>;
type ExactNumberOrTime = ExactTag | 'time' | Nullable<ExactTag | 'time'>;
type Predicate = Expr<'bool'> | Expr<'bool?'>;

type MeanOf<T extends Tag> = T extends Embedding ? Nullable<T> : 'float?';

/** How many events; with a bool, those where it is true; with another expression, those where it is not null. */
export const count = (of?: Expr<NoList | Embedding>): AggregateDraft<'int'> => draft('count', of ?? null);
/** The share of true among the events where the test is not null. */
export const share = (test: Predicate): AggregateDraft<'float?'> => draft('share', test);
/** The exact sum, in the type of its input. */
export const sum = <T extends ExactNumber>(of: Expr<T>): AggregateDraft<Nullable<T>> => draft('sum', of);
/**
 * The mean, from an exact sum. Of embeddings number by number: each is taken in multiples of 2^-32 (2.3·10^-10), and
 * there is no answer where one is beyond ±2,097,151.
 */
export const mean = <T extends ExactNumberOrEmbedding>(of: Expr<T>): AggregateDraft<MeanOf<T>> => draft('mean', of);
export const min = <T extends NoListNoBool>(of: Expr<T>): AggregateDraft<Nullable<T>> => draft('min', of);
export const max = <T extends NoListNoBool>(of: Expr<T>): AggregateDraft<Nullable<T>> => draft('max', of);
/** Variance with divisor n. */
export const variancePop = (of: Expr<ExactNumber>): AggregateDraft<'float?'> => draft('variancePop', of);
/** Variance with divisor n − 1. */
export const varianceSample = (of: Expr<ExactNumber>): AggregateDraft<'float?'> => draft('varianceSample', of);
/** Standard deviation with divisor n. */
export const stddevPop = (of: Expr<ExactNumber>): AggregateDraft<'float?'> => draft('stddevPop', of);
/** Standard deviation with divisor n − 1. */
export const stddevSample = (of: Expr<ExactNumber>): AggregateDraft<'float?'> => draft('stddevSample', of);
/** The value of the earliest event by (time, id). */
export const first = <T extends NoList | Embedding>(of: Expr<T>): AggregateDraft<Nullable<T>> => draft('first', of);
/** The value of the latest event by (time, id). */
export const last = <T extends NoList | Embedding>(of: Expr<T>): AggregateDraft<Nullable<T>> => draft('last', of);

/** The values of the latest n events (1 to 1,000), newest first. */
export function lastN<T extends NoList>(
  of: Expr<T>,
  n: number,
): AggregateDraft<`list<${Extract<Base<T>, ScalarTag>}>`> {
  return draft('lastN', of, { n });
}

/** How many different values, exact up to `cap` (10,000), without an answer beyond. */
export function distinct(of: Expr<NoList>, { cap = 10_000 }: { readonly cap?: number } = {}): AggregateDraft<'int'> {
  return draft('distinct', of, { cap });
}

/** How many different values, estimated within 1.6 % (standard error). */
export const approxDistinct = (of: Expr<NoListNoFloat>): AggregateDraft<'float'> => draft('approxDistinct', of);

/** The q-quantile (0 to 1) by nearest rank, within 0.79 %. */
export function quantile(of: Expr<ExactNumberOrTime>, q: number): AggregateDraft<'float?'> {
  return draft('quantile', of, { q });
}

/** The k most frequent values, exact up to `cap` (10,000) different ones, without an answer beyond. */
export function topK<T extends NoListNoFloat>(
  of: Expr<T>,
  k: number,
  { cap = 10_000 }: { readonly cap?: number } = {},
): AggregateDraft<`list<${Extract<Base<T>, ScalarTag>}>`> {
  return draft('topK', of, { k, cap });
}

/** How often each value of `topK` over the same `of`, `k` and `cap` came, in the order of its values. */
export function topKCounts(
  of: Expr<NoListNoFloat>,
  k: number,
  { cap = 10_000 }: { readonly cap?: number } = {},
): AggregateDraft<'list<int>'> {
  return draft('topKCounts', of, { k, cap });
}

/** Tags of a count and of sums. */
type TotalTag = 'int' | Nullable<ExactTag>;

/**
 * The mean of the day totals of a sum or a count: `meanOfDays(sum(e.price))`. A day is one of UTC; of the first and the last day of a
 * window counts what is in the window. Days without an input do not count. Error: AGGREGATE_DAYS.
 */
export const meanOfDays = (total: AggregateDraft<TotalTag>): AggregateDraft<'float?'> => ofDays('meanOfDays', total);
/** The least day total, in the type of the sum. */
export const minOfDays = <T extends TotalTag>(total: AggregateDraft<T>): AggregateDraft<Nullable<T>> =>
  ofDays('minOfDays', total);
/** The greatest day total. */
export const maxOfDays = <T extends TotalTag>(total: AggregateDraft<T>): AggregateDraft<Nullable<T>> =>
  ofDays('maxOfDays', total);

/** The q-quantile (0 to 1) of the day totals by nearest rank, exact: 0.5 is their median. */
export function quantileOfDays<T extends TotalTag>(total: AggregateDraft<T>, q: number): AggregateDraft<Nullable<T>> {
  return ofDays('quantileOfDays', total, { q });
}

/** The aggregate over these windows instead of the view's. */
export function over<T extends Tag, const W extends DurationText | 'ever'>(
  windows: readonly W[],
  aggregate: AggregateDraft<T>,
): AggregateDraft<T, W> {
  return Object.freeze({ ...aggregate, windows });
}

function draft<T extends Tag>(
  kind: AggregateKind,
  of: Expr<Tag> | null,
  params: Readonly<Record<string, number>> = {},
): AggregateDraft<T> {
  const spec = { kind, input: of?.expression ?? null, inputType: of?.spec ?? null, params };
  return Object.freeze({ kind: 'aggregate', of: tagOfAggregate(kind, of) as T, spec, windows: null });
}

type OfDays = Extract<AggregateKind, `${string}OfDays`>;

function ofDays<T extends Tag>(
  kind: OfDays,
  { spec, of, windows }: AggregateDraft<Tag>,
  params: Readonly<Record<string, number>> = {},
): AggregateDraft<T> {
  if (windows !== null || (spec.kind !== 'sum' && spec.kind !== 'count'))
    throw fail('AGGREGATE_DAYS', { kind, total: windows === null ? spec.kind : `over ${spec.kind}` });
  const counted = spec.kind === 'sum' ? spec : { input: ones(spec), inputType: COUNTED };
  const { input, inputType } = counted;
  const tag: Tag = kind === 'meanOfDays' ? 'float?' : spec.kind === 'sum' ? of : 'int?';
  return Object.freeze({
    kind: 'aggregate',
    of: tag as T,
    spec: { kind, input, inputType, params },
    windows: null,
  });
}

const COUNTED: ColumnSpec = { type: 'int', nullable: true };

/** 1 for every event that a count counts, else null. */
function ones({ input, inputType }: Pick<AggregateSpec, 'input' | 'inputType'>): Expression {
  const one: Expression = { kind: 'literal', value: 1 };
  if (input === null) return one;
  const test: Expression = inputType?.type === 'bool' ? input : { kind: 'not', of: { kind: 'isNull', of: input } };
  return { kind: 'when', test, then: one };
}

/** The answer's tag as data; the aggregate itself says the same as `result`. */
function tagOfAggregate(kind: AggregateKind, of: Expr<Tag> | null): Tag {
  const base = (of?.of.replace('?', '') ?? 'int') as ScalarTag;
  switch (kind) {
    case 'count':
    case 'distinct':
      return 'int';
    case 'approxDistinct':
      return 'float';
    case 'sum':
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return `${base}?`;
    case 'lastN':
    case 'topK':
      return `list<${base}>`;
    case 'topKCounts':
      return 'list<int>';
    case 'mean':
      return of?.spec.type === 'embedding' ? `${base}?` : 'float?';
    case 'share':
    case 'variancePop':
    case 'varianceSample':
    case 'stddevPop':
    case 'stddevSample':
    case 'quantile':
    case 'meanOfDays':
      return 'float?';
    case 'minOfDays':
    case 'maxOfDays':
    case 'quantileOfDays':
      return `${base}?`;
    default:
      return kind satisfies never;
  }
}
