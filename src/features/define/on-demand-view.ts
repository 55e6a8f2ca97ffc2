import type { Value } from '../../schema/column.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type { OnDemandViewData } from './declaration.ts';
import { freeze } from './freeze.ts';
import type { Shape } from './shape.ts';
import type { Tags, Values } from './tag.ts';

/** An on-demand view: a function of request values and other features. */
export interface OnDemandView<I extends Tags, F extends Tags> extends OnDemandViewData, Shape<I, F> {}

export interface OnDemandViewOptions<I extends ColumnMap, F extends ColumnMap> {
  readonly version?: number;
  readonly inputs: I;
  readonly features: F;
  /** Pure: it runs while serving and over training rows, and has to give the same. */
  readonly compute: (inputs: Values<TagsOf<I>>) => Values<TagsOf<F>>;
}

/** Declares an on-demand view. Error: NAME_TEXT. */
export function onDemandView<I extends ColumnMap, F extends ColumnMap>(
  name: string,
  options: OnDemandViewOptions<I, F>,
): OnDemandView<TagsOf<I>, TagsOf<F>> {
  checkName('view', name);
  checkNames('input', name, options.inputs);
  checkNames('feature', name, options.features);
  return freeze({
    kind: 'onDemandView',
    name,
    version: checkVersion(name, options.version ?? 1),
    inputs: columnTags(options.inputs),
    outputs: columnTags(options.features),
    inputColumns: columnSpecs(options.inputs),
    features: columnSpecs(options.features),
    compute: options.compute as unknown as (inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>,
  });
}
