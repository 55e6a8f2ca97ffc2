import { fail } from '../../base/errors/fail.ts';
import type { AggregateKind, AggregateSpec } from '../define/declaration.ts';
import type { Aggregate, AggregateFactory } from './aggregate.ts';
import { approxDistinct } from './approx-distinct.ts';
import { count } from './count.ts';
import { maxOfDays, meanOfDays, minOfDays, quantileOfDays } from './day-totals.ts';
import { distinct } from './distinct.ts';
import { first, last } from './edge.ts';
import { max, min } from './extreme.ts';
import { lastN } from './last-n.ts';
import { mean } from './mean.ts';
import { quantile } from './quantile.ts';
import { retracting } from './retracting.ts';
import { share } from './share.ts';
import { sum } from './sum.ts';
import { topK, topKCounts } from './top-k.ts';
import { stddevPop, stddevSample, variancePop, varianceSample } from './variance.ts';

/** Every aggregate by kind: a new kind is a new file and a row here. */
const factories: Readonly<Record<AggregateKind, AggregateFactory>> = {
  count,
  share,
  sum,
  mean,
  min,
  max,
  variancePop,
  varianceSample,
  stddevPop,
  stddevSample,
  first,
  last,
  lastN,
  distinct,
  approxDistinct,
  quantile,
  topK,
  topKCounts,
  meanOfDays,
  minOfDays,
  maxOfDays,
  quantileOfDays,
};

/** The algebra of a declared aggregate. Errors: AGGREGATE_INPUT, AGGREGATE_PARAM. */
export function aggregateOf(spec: AggregateSpec): Aggregate {
  const { name: aggregate, kind, inputType, params } = spec;
  const factory = factories[kind];
  const type = inputType?.type ?? null;
  if (!factory.inputs.includes(type)) {
    const types = factory.inputs.filter((input) => input !== null);
    throw fail('AGGREGATE_INPUT', { aggregate, kind, type: type ?? 'none', types });
  }
  for (const [param, { wanted, holds }] of Object.entries(factory.params)) {
    const value = params[param];
    if (!holds(value)) throw fail('AGGREGATE_PARAM', { param, value, wanted });
  }
  const input = { ...spec, inputType: inputType ?? { type: 'int', nullable: true } } as const;
  const algebra = factory.make(input);
  return spec.retracts === true ? retracting(input, algebra) : algebra;
}
