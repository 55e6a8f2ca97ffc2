import type { AggregateKind, AggregateSpec } from '../define/declaration.ts';
import type { Aggregate, AggregateFactory } from './aggregate.ts';
import { approxDistinct } from './approx-distinct.ts';
import { count } from './count.ts';
import { distinct } from './distinct.ts';
import { first, last } from './edge.ts';
import { max, min } from './extreme.ts';
import { lastN } from './last-n.ts';
import { quantile } from './quantile.ts';
import { share } from './share.ts';
import { mean, sum } from './sum.ts';
import { topK } from './top-k.ts';
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
};

/** The algebra of a declared aggregate. */
export function aggregateOf(spec: AggregateSpec): Aggregate {
  return factories[spec.kind](spec);
}
