import type { Columns, Value } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';
import { valueParser } from '../../schema/value-parser.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type { OnDemandViewData } from './declaration.ts';
import { freeze } from './freeze.ts';
import { type LatencyOptions, latencyBudget } from './latency.ts';
import type { Shape } from './shape.ts';
import type { Tags, Values } from './tag.ts';

/** An on-demand view: a function of request values and other features. */
export interface OnDemandView<I extends Tags, F extends Tags> extends OnDemandViewData, Shape<I, F> {}

export interface OnDemandViewOptions<I extends ColumnMap, F extends ColumnMap> {
  readonly version?: number;
  readonly inputs: I;
  readonly features: F;
  /** How long the function may take while serving. */
  readonly latency?: LatencyOptions<'fail' | 'null'>;
  /** Pure: it runs while serving and over training rows, and has to give the same. */
  readonly compute: (inputs: Values<TagsOf<I>>) => Values<TagsOf<F>>;
}

type Compute = OnDemandViewData['compute'];

/** Declares an on-demand view. Error: NAME_TEXT. */
export function onDemandView<I extends ColumnMap, F extends ColumnMap>(
  name: string,
  options: OnDemandViewOptions<I, F>,
): OnDemandView<TagsOf<I>, TagsOf<F>> {
  checkName('view', name);
  checkNames('input', name, options.inputs);
  checkNames('feature', name, options.features);
  const inputColumns = columnSpecs(options.inputs);
  const features = columnSpecs(options.features);
  return freeze({
    kind: 'onDemandView',
    name,
    version: checkVersion(name, options.version ?? 1),
    inputs: columnTags(options.inputs),
    outputs: columnTags(options.features),
    inputColumns,
    features,
    computeText: options.compute.toString(),
    ...latencyBudget(name, options.latency),
    compute: insideCompute(options.compute as unknown as Compute, inputColumns, features),
  });
}

/** The function over values as they are inside: its decimals are texts, as users see them, ours are integers. */
function insideCompute(compute: Compute, inputs: Columns, features: Columns): Compute {
  const given = decimals(inputs);
  const made = decimals(features);
  if (given.length + made.length === 0) return compute;
  return (row) => {
    const asked: Record<string, Value> = { ...row };
    for (const [name, scale] of given) asked[name] = decimalText(row[name], scale);
    const answer: Record<string, Value> = { ...compute(asked) };
    for (const [name] of made) answer[name] = insideDecimal(features, name, answer[name]);
    return answer;
  };
}

function decimals(columns: Columns): readonly (readonly [string, number])[] {
  return Object.entries(columns)
    .filter(([, { type, element }]) => (type === 'list' ? element : type) === 'decimal')
    .map(([name, { scale = 0 }]) => [name, scale]);
}

function decimalText(value: Value, scale: number): Value {
  if (typeof value === 'bigint') return scaledToText(value, scale);
  return typeof value === 'object' && value !== null
    ? value.map((one) => (typeof one === 'bigint' ? scaledToText(one, scale) : one))
    : value;
}

/** A text that is no such decimal stays as it is: what evaluates the view refuses it, with the name of the feature. */
function insideDecimal(columns: Columns, name: string, value: Value): Value {
  return value === null ? null : (valueParser(columns[name])(value) ?? value);
}
