import type { Json } from '../../base/canonical-json.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { ColumnSpec, Columns } from '../../schema/column.ts';
import { typeText, typeTexts } from '../../schema/type-text.ts';
import type {
  BatchViewData,
  EntityData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  OnDemandViewData,
  PipelineData,
  ServiceExpression,
  StreamViewData,
  ViewData,
} from '../define/declaration.ts';
import { expressionText } from '../expression/expression-text.ts';
import { aggregateText, tilesKept } from '../tile/tiles-kept.ts';
import type { DeclaredPart } from './declaration-document.ts';

const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\s+|[^'"\s]+|['"]/g;

/**
 * SQL text reduced to its meaning: a run of white space outside of quotes is one space. Text with
 * comments or dollar quotes stays as it is, since line ends and spaces may matter there.
 */
export function sqlMeaning(text: string): string {
  if (/--|\/\*|\$\$/.test(text)) return text.trim();
  const tokens = text.match(TOKENS) ?? [];
  return tokens
    .map((token) => (/^\s/.test(token) ? ' ' : token))
    .join('')
    .trim();
}

const nothingElse = { features: {}, tiles: null, code: null } as const;

/** A source's part: its rows and which of them count are its meaning. */
export function sourcePart(source: EventSourceData): DeclaredPart {
  const { kind, name, version, id, time, columns, latenessMs, futureSkewMs, changes } = source;
  return {
    ...nothingElse,
    kind,
    name,
    version,
    meaning: {
      id,
      time,
      columns: typeTexts(columns),
      columnOrder: Object.keys(columns),
      latenessMs,
      ...(changes === undefined ? {} : { changes: { ...changes } }),
    },
    settings: { futureSkewMs, ...quality(columns) },
  };
}

/** A view's part. */
export function viewPart(view: ViewData): DeclaredPart {
  switch (view.kind) {
    case 'streamView':
      return streamViewPart(view);
    case 'batchView':
      return batchViewPart(view);
    case 'onDemandView':
      return onDemandViewPart(view);
    default:
      return view satisfies never;
  }
}

function streamViewPart(view: StreamViewData): DeclaredPart {
  const { kind, name, version, source, entity, key, ttlMs, freshnessMs } = view;
  const features = view.features.map(({ name: feature, aggregate, windowMs, hopMs, type }): [string, Json] => [
    feature,
    { is: aggregateText(view.aggregates[aggregate]), type: typeText(type), windowMs, hopMs },
  ]);
  return {
    kind,
    name,
    version,
    meaning: { source: identity(source), ...entityMeaning(entity), key, ttlMs },
    features: Object.fromEntries(features),
    tiles: tilesKept(view),
    settings: { freshnessMs, ...latencySettings(view) },
    code: null,
  };
}

function batchViewPart(view: BatchViewData): DeclaredPart {
  const { kind, name, version, entity, schedule, freshnessMs, reads, features, sql, scores } = view;
  const sources = Object.entries(reads).map(([alias, source]): [string, string] => [alias, identity(source)]);
  return {
    ...nothingElse,
    kind,
    name,
    version,
    meaning: {
      ...entityMeaning(entity),
      reads: Object.fromEntries(sources),
      features: typeTexts(features),
      featureOrder: Object.keys(features),
      sql: sqlMeaning(sql.text),
      ...(scores === undefined ? {} : { scores: scores.model.name }),
    },
    settings: { schedule, freshnessMs, ...latencySettings(view), ...lossSettings(view), ...quality(features) },
  };
}

function lossSettings({ mayLose, scores }: BatchViewData): { readonly [field: string]: Json } {
  return {
    ...(mayLose === undefined ? {} : { mayLose }),
    ...(scores?.mostErrors === undefined ? {} : { mostErrors: scores.mostErrors }),
  };
}

function onDemandViewPart(view: OnDemandViewData): DeclaredPart {
  const { kind, name, version, inputColumns, features, computeText } = view;
  return {
    ...nothingElse,
    kind,
    name,
    version,
    meaning: { inputs: typeTexts(inputColumns), features: typeTexts(features) },
    settings: { ...latencySettings(view), ...quality(features) },
    code: sha256Hex(computeText.replaceAll(/\s+/g, ' ')),
  };
}

/** Left out where there is none, so that a declaration without one keeps its hash. */
function latencySettings({ latency }: ViewData): { readonly [field: string]: Json } {
  return latency === undefined ? {} : { latency: { ...latency } };
}

/** A service's part: its request and its whole vector, in order, are its meaning, since models are trained on them. */
export function servicePart(service: FeatureServiceData): DeclaredPart {
  const { kind, name, version, request, p99Ms, skew } = service;
  const features = service.features.map(({ name: feature, from, feature: inView, type }): [string, Json] => [
    feature,
    { is: featureText(service, from, inView), type: typeText(type) },
  ]);
  return {
    ...nothingElse,
    kind,
    name,
    version,
    meaning: {
      request: typeTexts(request),
      features: Object.fromEntries(features),
      featureOrder: features.map(([feature]) => feature),
    },
    settings: { p99Ms, ...(skew === undefined ? {} : { skew: { ...skew } }), ...quality(request) },
  };
}

/** Where a feature of a service comes from: `by_origin@1(airport = request.origin).flights_1h`. */
function featureText(service: FeatureServiceData, from: string, feature: string | null): string {
  const lookup = service.lookups.find(({ alias }) => alias === from);
  if (lookup !== undefined) {
    const key = Object.entries(lookup.key).map(([part, column]) => `${part} = request.${column}`);
    return `${identity(lookup.view)}(${key.sort().join(', ')}).${feature}`;
  }
  const computed = service.computed.find(({ alias }) => alias === from);
  if (computed?.kind !== 'apply') return computed === undefined ? '' : valueText(service, computed.of);
  const inputs = Object.entries(computed.inputs).map(([input, of]) => `${input} = ${valueText(service, of)}`);
  return `${identity(computed.view)}(${inputs.sort().join(', ')}).${feature}`;
}

function valueText(service: FeatureServiceData, expression: ServiceExpression): string {
  switch (expression.kind) {
    case 'request':
      return `request.${expression.name}`;
    case 'feature':
      return featureText(service, expression.lookup, expression.feature);
    case 'literal':
      return JSON.stringify(expression.value);
    case 'orElse':
      return `orElse(${valueText(service, expression.of)}, ${JSON.stringify(expression.otherwise)})`;
    default:
      return expression satisfies never;
  }
}

/** A model's part: it takes effect with the next training, which creates a new version. */
export function modelPart(model: ModelData): DeclaredPart {
  const { kind, name, task, quantile, service, spine, label, train, monitors, playbook, p99Ms, rollout } = model;
  return {
    ...nothingElse,
    kind,
    name,
    version: null,
    meaning: {},
    settings: {
      task,
      ...(quantile === null ? {} : { quantile }),
      service: identity(service),
      spine: `${identity(spine.from)}.${spine.id}`,
      label: `${expressionText(label.value)} of ${identity(label.from)}.${label.id}`,
      labelOtherwise: label.otherwise,
      labelWithinMs: label.withinMs,
      trainWith: plainJson(train.with),
      trainWindowMs: train.windowMs,
      monitors: plainJson(monitors),
      playbook: plainJson(playbook),
      // Left out where there is none, so that a declaration without one keeps its hash.
      ...(model.proxies === undefined ? {} : { proxies: proxiesOf(model.proxies) }),
      ...(p99Ms === null ? {} : { p99Ms }),
      rollout: plainJson(rollout),
    },
  };
}

function proxiesOf(proxies: NonNullable<ModelData['proxies']>): Json {
  return Object.fromEntries(
    proxies.map(({ name, from, id, value, otherwise, withinMs }) => [
      name,
      { is: `${expressionText(value)} of ${identity(from)}.${id}`, otherwise, withinMs },
    ]),
  );
}

/** A pipeline's part: its callers depend on its request, its models and its outputs. */
export function pipelinePart(pipeline: PipelineData): DeclaredPart {
  const { kind, name, version, service, models, outputs, runText } = pipeline;
  return {
    ...nothingElse,
    kind,
    name,
    version,
    meaning: {
      service: identity(service),
      models: Object.fromEntries(Object.entries(models).map(([alias, model]) => [alias, model.name])),
      outputs: typeTexts(outputs),
    },
    settings: quality(outputs),
    code: sha256Hex(runText.replaceAll(/\s+/g, ' ')),
  };
}

function entityMeaning({ name, key }: EntityData): { readonly [field: string]: Json } {
  return { entity: name, entityKey: typeTexts(key), entityKeyOrder: Object.keys(key) };
}

/** `name@version`. */
function identity({ name, version }: { readonly name: string; readonly version: number }): string {
  return `${name}@${version}`;
}

/** Units, ranges and deprecations of columns, where there are any. */
function quality(columns: Columns): { readonly [field: string]: Json } {
  return {
    ...noted('units', columns, ({ unit }) => unit),
    ...noted('ranges', columns, ({ range }) => range),
    ...noted('deprecated', columns, ({ deprecated }) => deprecated),
  };
}

function noted(
  field: string,
  columns: Columns,
  of: (spec: ColumnSpec) => Json | undefined,
): { readonly [field: string]: Json } {
  const found = Object.entries(columns).flatMap(([name, spec]): [string, Json][] => {
    const value = of(spec);
    return value === undefined ? [] : [[name, value]];
  });
  return found.length === 0 ? {} : { [field]: Object.fromEntries(found) };
}

/** Options as JSON has them: what JSON leaves out is left out. */
function plainJson(options: unknown): Json {
  return JSON.parse(JSON.stringify(options)) as Json;
}
