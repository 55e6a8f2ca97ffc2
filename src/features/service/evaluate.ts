import type { ColumnSpec, Value } from '../../schema/column.ts';
import { valueParser } from '../../schema/value-parser.ts';
import type {
  ComputedSpec,
  FeatureServiceData,
  LookupSpec,
  OnDemandViewData,
  ServiceExpression,
} from '../define/declaration.ts';
import { viewColumns } from '../define/feature-service.ts';
import { neededFeatures } from '../plan/needed-features.ts';

/** Reports an on-demand view whose function threw or gave a value of another type. */
export type OnComputeError = (view: OnDemandViewData, error: unknown) => void;

/**
 * Puts a vector together from a request and the values of its lookups (`lookups[i]` in the order of
 * `neededFeatures(service, service.lookups[i])`). The one function behind served vectors and training rows, so that they cannot differ.
 * An on-demand function that throws gives null for its features and is reported. Hot path: compiled once per service.
 */
export type ServiceEvaluator = (
  request: readonly Value[],
  lookups: readonly (readonly Value[])[],
  onError: OnComputeError,
) => Value[];

/** Runs an on-demand view's function: the function itself, or a wrapper that guards it while serving. */
export type ComputeOf = (view: OnDemandViewData) => OnDemandViewData['compute'];

/** Compiles the evaluator of a service; the vector is in the order of `service.features`. */
export function serviceEvaluator(
  service: FeatureServiceData,
  computeOf: ComputeOf = ({ compute }) => compute,
): ServiceEvaluator {
  const computed = new Map(service.computed.map((spec) => [spec.alias, spec]));
  const steps: Step[] = [];
  const applied = new Map<string, number>();
  // Most features are those of lookups as they are: these are copied in one flat loop, and only the others called.
  const fromLookup = new Int32Array(service.features.length).fill(-1);
  const fromFeature = new Int32Array(service.features.length);
  const places: { readonly at: number; readonly place: Place }[] = [];
  service.features.forEach(({ from, feature }, at) => {
    const spec = computed.get(from);
    const name = feature ?? '';
    if (spec === undefined) {
      const { lookup, index } = lookupIndex(service, from, name);
      fromLookup[at] = lookup;
      fromFeature[at] = index;
    } else if (spec.kind === 'value') places.push({ at, place: compileExpression(service, spec.of) });
    else {
      const step = applied.get(from) ?? steps.push(compileApply(service, spec, computeOf(spec.view))) - 1;
      applied.set(from, step);
      places.push({ at, place: (_request, _lookups, results) => results[step][name] });
    }
  });
  const nothing: readonly Value[] = service.features.map(() => null);
  return (request, lookups, onError) => {
    const values = nothing.slice();
    for (let i = 0; i < fromLookup.length; i += 1) {
      if (fromLookup[i] >= 0) values[i] = lookups[fromLookup[i]][fromFeature[i]];
    }
    if (places.length === 0) return values;
    const results = steps.length === 0 ? noResults : steps.map((step) => step(request, lookups, onError));
    for (let i = 0; i < places.length; i += 1) values[places[i].at] = places[i].place(request, lookups, results);
    return values;
  };
}

type Results = readonly Readonly<Record<string, Value>>[];
type Place = (request: readonly Value[], lookups: readonly (readonly Value[])[], results: Results) => Value;
type Step = (
  request: readonly Value[],
  lookups: readonly (readonly Value[])[],
  onError: OnComputeError,
) => Readonly<Record<string, Value>>;

function lookupPlace(service: FeatureServiceData, alias: string, feature: string): Place {
  const { lookup, index } = lookupIndex(service, alias, feature);
  return (_request, lookups) => lookups[lookup][index];
}

/** Where the values of the lookups have a feature. */
function lookupIndex(service: FeatureServiceData, alias: string, feature: string) {
  const lookup = service.lookups.findIndex((one: LookupSpec) => one.alias === alias);
  return { lookup, index: neededFeatures(service, service.lookups[lookup]).indexOf(feature) };
}

function compileExpression(service: FeatureServiceData, expression: ServiceExpression): Place {
  switch (expression.kind) {
    case 'request': {
      const index = Object.keys(service.request).indexOf(expression.name);
      return (request) => request[index];
    }
    case 'feature':
      return lookupPlace(service, expression.lookup, expression.feature);
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'orElse': {
      const of = compileExpression(service, expression.of);
      const otherwise = valueParser(specOf(service, expression.of))(expression.otherwise);
      return (request, lookups, results) => of(request, lookups, results) ?? otherwise;
    }
    default:
      return expression satisfies never;
  }
}

/** The type of an expression, with null resolved by a default. */
function specOf(service: FeatureServiceData, expression: ServiceExpression): ColumnSpec {
  switch (expression.kind) {
    case 'request':
      return service.request[expression.name];
    case 'feature': {
      const lookup = service.lookups.findIndex(({ alias }) => alias === expression.lookup);
      return viewColumns(service.lookups[lookup].view)[expression.feature];
    }
    case 'literal':
      return {
        type: typeof expression.value === 'boolean' ? 'bool' : typeof expression.value === 'number' ? 'float' : 'text',
        nullable: false,
      };
    case 'orElse':
      return specOf(service, expression.of);
    default:
      return expression satisfies never;
  }
}

const noResults: Results = [];

function compileApply(
  service: FeatureServiceData,
  { view, inputs }: Extract<ComputedSpec, { kind: 'apply' }>,
  compute: OnDemandViewData['compute'],
): Step {
  const names = Object.keys(view.inputColumns);
  const places = names.map((name) => compileExpression(service, inputs[name]));
  const nothing = Object.fromEntries(Object.keys(view.features).map((name) => [name, null]));
  const check = checker(view);
  return (request, lookups, onError) => {
    const row: Record<string, Value> = {};
    for (let i = 0; i < names.length; i += 1) row[names[i]] = places[i](request, lookups, noResults);
    try {
      return check(compute(row));
    } catch (error) {
      onError(view, error);
      return nothing;
    }
  };
}

/** Gives the function's answer back if every feature has a value of its type. */
function checker({ features }: OnDemandViewData): (answer: Readonly<Record<string, Value>>) => typeof answer {
  const names = Object.keys(features);
  const specs = Object.values(features);
  return (answer) => {
    for (let i = 0; i < names.length; i += 1) {
      const value = answer[names[i]];
      if (value === null ? !specs[i].nullable : !fits(specs[i], value)) {
        throw new TypeError(`feature "${names[i]}" is ${String(value)}`);
      }
    }
    return answer;
  };
}

function fits({ type, length }: ColumnSpec, value: Value): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'int':
    case 'time':
      return Number.isSafeInteger(value);
    case 'float':
      return Number.isFinite(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'int64':
    case 'decimal':
      return typeof value === 'bigint';
    case 'list':
      return Array.isArray(value);
    case 'embedding':
      return Array.isArray(value) && value.length === length && value.every(Number.isFinite);
    default:
      return type satisfies never;
  }
}
