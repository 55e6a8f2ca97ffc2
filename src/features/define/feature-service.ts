import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { valueParser } from '../../schema/value-parser.ts';
import { CRON } from './batch-view.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type {
  BatchViewData,
  ComputedSpec,
  FeatureServiceData,
  LookupSpec,
  OnDemandViewData,
  ServiceExpression,
  ServiceFeatureSpec,
  SkewBudget,
  StreamViewData,
} from './declaration.ts';
import { freeze } from './freeze.ts';
import type { Shape } from './shape.ts';
import { type Base, type Fits, type Tag, type Tags, tagOf, type ValueOf, type Values } from './tag.ts';

/** A feature service: what one model reads. */
export interface FeatureService<I extends Tags, F extends Tags, N extends string = string>
  extends FeatureServiceData,
    Shape<I, F> {
  readonly name: N;
}

/** The request of a service, as a caller writes it. */
export type RequestOf<S extends Shape<Tags, Tags>> = Values<S['inputs']>;

/** The features of a service by name, when all could be answered. */
export type FeatureValues<S extends Shape<Tags, Tags>> = Values<S['outputs']>;

/** A value inside a service: a request column or a feature of a lookup. */
export interface Ref<T extends Tag> {
  readonly kind: 'ref';
  readonly of: T;
  readonly spec: ColumnSpec;
  readonly expression: ServiceExpression;
}

type Refs<T extends Tags> = { readonly [K in keyof T]: Ref<T[K]> };

type View<I extends Tags, F extends Tags> = (StreamViewData | BatchViewData) & Shape<I, F>;

/** A view that the service looks up; `T` are the tags of the features it puts into the vector, `F` all that it has. */
export interface Lookup<F extends Tags, T extends Tags> {
  readonly kind: 'lookup';
  readonly view: StreamViewData | BatchViewData;
  readonly key: Readonly<Record<string, string>>;
  readonly features: readonly string[];
  readonly outputs: F;
  readonly picked: T;
}

/** An on-demand view applied to values of the service. */
export interface Applied<T extends Tags> {
  readonly kind: 'apply';
  readonly view: OnDemandViewData;
  readonly inputs: Readonly<Record<string, ServiceExpression>>;
  readonly outputs: T;
}

/** Looks a view up under a key of request columns; with a list, only those features go into the vector. Errors: SERVICE_KEY, SERVICE_FEATURE. */
export function lookup<I extends Tags, F extends Tags, const P extends keyof F & string = keyof F & string>(
  view: View<I, F>,
  key: { readonly [K in keyof I]: Ref<Fits<I[K]> | `${Base<I[K]>}?`> },
  features?: readonly P[],
): Lookup<F, Pick<F, P>> {
  const names: readonly string[] = features ?? Object.keys(view.outputs);
  const given: Readonly<Record<string, Ref<Tag> | undefined>> = key;
  const columns = Object.keys(view.entity.key).map((part): [string, string] => {
    const expression = given[part]?.expression;
    if (expression?.kind !== 'request') throw fail('SERVICE_KEY', { view: view.name, part });
    return [part, expression.name];
  });
  const unknown = names.find((name) => !Object.hasOwn(view.outputs, name));
  if (unknown !== undefined) {
    throw fail('SERVICE_FEATURE', { view: view.name, feature: unknown, known: Object.keys(view.outputs) });
  }
  const picked = Object.fromEntries(names.map((name) => [name, view.outputs[name]])) as Pick<F, P>;
  return { kind: 'lookup', view, key: Object.fromEntries(columns), features: names, outputs: view.outputs, picked };
}

/** Applies an on-demand view. A value that can be null does not bind to an input that cannot: `orElse` settles it. Error: SERVICE_INPUT. */
export function apply<I extends Tags, F extends Tags>(
  view: OnDemandViewData & Shape<I, F>,
  inputs: { readonly [K in keyof I]: Ref<Fits<I[K]>> },
): Applied<F> {
  const given: Readonly<Record<string, Ref<Tag> | undefined>> = inputs;
  const expressions = Object.keys(view.inputColumns).map((input): [string, ServiceExpression] => {
    const ref = Object.hasOwn(given, input) ? given[input] : undefined;
    if (ref === undefined) throw fail('SERVICE_INPUT', { view: view.name, input });
    return [input, ref.expression];
  });
  return { kind: 'apply', view, inputs: Object.fromEntries(expressions), outputs: view.outputs };
}

type Otherwise<T extends Tag> = NonNullable<ValueOf<T>> & (string | number | bigint | boolean);

/** The value, or another where it is null. Error: EXPRESSION_LITERAL where the other is none of the type. */
export function orElse<T extends Tag>(of: Ref<T>, other: Otherwise<T>): Ref<Base<T>> {
  const spec = { ...of.spec, nullable: false };
  const otherwise = typeof other === 'bigint' ? String(other) : other;
  if (valueParser(spec)(otherwise) === null) {
    throw fail('EXPRESSION_LITERAL', { literal: otherwise, type: spec.type });
  }
  return {
    kind: 'ref',
    of: tagOf(spec) as Base<T>,
    spec,
    expression: { kind: 'orElse', of: of.expression, otherwise },
  };
}

type JoinEntry = { readonly kind: 'lookup' };
type ComputeEntry = { readonly kind: 'apply' | 'ref' };

type Prefixed<A extends string, T> = { readonly [K in keyof T & string as `${A}_${K}`]: T[K] };

type Merge<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? { readonly [K in keyof I]: I[K] }
  : never;

type JoinedFeatures<J> = Merge<
  { [A in keyof J & string]: J[A] extends Lookup<Tags, infer T> ? Prefixed<A, T> : never }[keyof J & string]
>;

type ComputedFeatures<C> = [keyof C] extends [never]
  ? unknown
  : Merge<
      {
        [A in keyof C & string]: C[A] extends Applied<infer T>
          ? Prefixed<A, T>
          : C[A] extends Ref<infer T>
            ? { readonly [K in A]: T }
            : never;
      }[keyof C & string]
    >;

type Both<A, B> = { readonly [K in keyof A | keyof B]: K extends keyof A ? A[K] : K extends keyof B ? B[K] : never };

/** The features of a service, flat: `<alias>_<feature>` of lookups and on-demand views, `<alias>` of single values. */
export type ServiceFeatures<J, C> =
  Both<JoinedFeatures<J>, ComputedFeatures<C>> extends infer F extends Tags ? F : never;

type JoinRefs<J> = { readonly [A in keyof J]: J[A] extends Lookup<infer F, Tags> ? Refs<F> : never };

export interface FeatureServiceOptions<
  R extends ColumnMap,
  J extends Readonly<Record<string, JoinEntry>>,
  C extends Readonly<Record<string, ComputeEntry>>,
> {
  readonly version?: number;
  /** Columns of a request. */
  readonly request: R;
  /** Budget of a read: 99 of 100 within it. */
  readonly p99?: DurationText;
  /** Audits the served vectors on a schedule (five-field cron, UTC); `atMost` is the share of values that may differ. */
  readonly skew?: SkewBudget;
  readonly join: (request: Refs<TagsOf<R>>) => J;
  readonly compute?: (request: Refs<TagsOf<R>>, features: JoinRefs<J>) => C;
}

/** Declares a feature service. Errors: NAME_TEXT, WINDOW_TEXT, SCHEDULE_TEXT, SERVICE_SKEW, SERVICE_KEY, SERVICE_FEATURE_TWICE. */
export function featureService<
  R extends ColumnMap,
  J extends Readonly<Record<string, JoinEntry>>,
  const C extends Readonly<Record<string, ComputeEntry>> = Readonly<Record<never, never>>,
  const N extends string = string,
>(name: N, options: FeatureServiceOptions<R, J, C>): FeatureService<TagsOf<R>, ServiceFeatures<J, C>, N> {
  checkName('feature service', name);
  checkNames('request column', name, options.request);
  const request = columnSpecs(options.request);
  const requestRefs = refs(request, (column) => ({ kind: 'request', name: column })) as Refs<TagsOf<R>>;
  const joined = options.join(requestRefs) as unknown as Readonly<Record<string, Lookup<Tags, Tags>>>;
  checkNames('lookup', name, joined);
  const lookups = Object.entries(joined).map(
    ([alias, { view, key, features }]): LookupSpec => ({ alias, view, key, features }),
  );
  const joinRefs = Object.fromEntries(
    lookups.map(({ alias, view }) => [
      alias,
      refs(viewColumns(view), (feature) => ({ kind: 'feature', lookup: alias, feature })),
    ]),
  ) as unknown as JoinRefs<J>;
  const computed = computedOf(name, options.compute?.(requestRefs, joinRefs) ?? {});
  const features = [...lookups.flatMap(lookupFeatures), ...computed.flatMap(computedFeatures)];
  refuseTwice(name, features);
  return freeze({
    kind: 'featureService',
    name,
    version: checkVersion(name, options.version ?? 1),
    request,
    p99Ms: options.p99 === undefined ? null : parseDuration(options.p99, `the p99 of service ${name}`),
    ...(options.skew === undefined ? {} : { skew: checkSkew(name, options.skew) }),
    lookups,
    computed,
    features,
    inputs: columnTags(options.request),
    outputs: Object.fromEntries(features.map((feature) => [feature.name, tagOf(feature.type)])) as ServiceFeatures<
      J,
      C
    >,
  });
}

function checkSkew(service: string, { schedule, atMost }: SkewBudget): SkewBudget {
  if (!CRON.test(schedule)) throw fail('SCHEDULE_TEXT', { view: service, schedule });
  if (!(atMost >= 0 && atMost <= 1)) throw fail('SERVICE_SKEW', { service, atMost });
  return { schedule, atMost };
}

/** The features of a view as columns. */
export function viewColumns(view: StreamViewData | BatchViewData): Readonly<Record<string, ColumnSpec>> {
  if (view.kind === 'batchView') return view.features;
  return Object.fromEntries(view.features.map(({ name, type }) => [name, type]));
}

function refs(columns: Readonly<Record<string, ColumnSpec>>, expressionOf: (name: string) => ServiceExpression) {
  return Object.fromEntries(
    Object.entries(columns).map(([name, spec]): [string, Ref<Tag>] => [
      name,
      { kind: 'ref', of: tagOf(spec), spec, expression: expressionOf(name) },
    ]),
  );
}

function computedOf(service: string, written: Readonly<Record<string, unknown>>): readonly ComputedSpec[] {
  return Object.entries(written as Readonly<Record<string, Applied<Tags> | Ref<Tag>>>).map(
    ([alias, entry]): ComputedSpec => {
      checkName(`value of service ${service}`, alias);
      if (entry.kind === 'ref') return { kind: 'value', alias, of: entry.expression, type: entry.spec };
      return { kind: 'apply', alias, view: entry.view, inputs: entry.inputs };
    },
  );
}

function lookupFeatures({ alias, view, features }: LookupSpec): readonly ServiceFeatureSpec[] {
  const columns = viewColumns(view);
  const tier = view.kind === 'streamView' ? 'streaming' : 'batch';
  return features.map((feature) => ({
    name: `${alias}_${feature}`,
    type: columns[feature],
    tier,
    from: alias,
    feature,
  }));
}

function computedFeatures(spec: ComputedSpec): readonly ServiceFeatureSpec[] {
  if (spec.kind === 'value')
    return [{ name: spec.alias, type: spec.type, tier: 'request', from: spec.alias, feature: null }];
  return Object.entries(spec.view.features).map(([feature, type]) => ({
    name: `${spec.alias}_${feature}`,
    type,
    tier: 'request',
    from: spec.alias,
    feature,
  }));
}

function refuseTwice(service: string, features: readonly ServiceFeatureSpec[]): void {
  const seen = new Set<string>();
  for (const { name } of features) {
    if (seen.has(name)) throw fail('SERVICE_FEATURE_TWICE', { service, feature: name });
    seen.add(name);
  }
}
