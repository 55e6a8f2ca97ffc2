import { aggregateOf } from '../../src/features/aggregate/aggregates.ts';
import type {
  AggregateKind,
  AggregateSpec,
  EventSourceData,
  FeatureServiceData,
  StreamViewData,
} from '../../src/features/define/declaration.ts';
import type { Expression } from '../../src/features/expression/expression.ts';
import type { ColumnSpec, Columns } from '../../src/schema/column.ts';

/** Declarations as plain data, so that these tests stand on the narrow waist alone. */

export const text: ColumnSpec = { type: 'text', nullable: true };
export const int: ColumnSpec = { type: 'int', nullable: true };
export const int64: ColumnSpec = { type: 'int64', nullable: true };
export const float: ColumnSpec = { type: 'float', nullable: true };
export const bool: ColumnSpec = { type: 'bool', nullable: true };
export const embedding = (length: number): ColumnSpec => ({ type: 'embedding', nullable: true, length });
const time: ColumnSpec = { type: 'time', nullable: false };
export const decimal = (scale: number): ColumnSpec => ({ type: 'decimal', nullable: true, scale });

export const column = (name: string): Expression => ({ kind: 'column', name });

export function aggregate(
  name: string,
  kind: AggregateKind,
  input: Expression | null = null,
  inputType: ColumnSpec | null = null,
  params: Readonly<Record<string, number>> = {},
): AggregateSpec {
  return { name, kind, input, inputType, params };
}

export function sourceOf(columns: Columns, rest: Partial<EventSourceData> = {}): EventSourceData {
  return {
    kind: 'eventSource',
    name: 'deliveries',
    version: 1,
    id: 'id',
    time: 'at',
    columns: { id: { type: 'text', nullable: false }, at: time, ...columns },
    latenessMs: 1e15,
    futureSkewMs: 1e15,
    ...rest,
  };
}

export interface WindowText {
  readonly name: string;
  readonly windowMs: number | null;
  readonly hopMs: number;
}

/** A view with every aggregate over every window. */
export function viewOf(
  source: EventSourceData,
  key: Readonly<Record<string, string>>,
  aggregates: readonly AggregateSpec[],
  windows: readonly WindowText[],
  rest: Partial<StreamViewData> = {},
): StreamViewData {
  const entityKey = Object.fromEntries(Object.entries(key).map(([name, of]) => [name, source.columns[of]]));
  return {
    kind: 'streamView',
    name: 'view',
    version: 1,
    source,
    entity: { kind: 'entity', name: 'thing', key: entityKey },
    key,
    aggregates,
    features: aggregates.flatMap((spec, index) =>
      windows.map(({ name, windowMs, hopMs }) => ({
        name: `${spec.name}_${name}`,
        aggregate: index,
        windowMs,
        hopMs,
        type: aggregateOf(spec).result,
      })),
    ),
    hopsMs: [...new Set(windows.map(({ hopMs }) => hopMs))].sort((a, b) => a - b),
    freshnessMs: 1000,
    ttlMs: null,
    ...rest,
  };
}

/** A service with one lookup of all features of a view; the request is the entity's key. */
export function serviceOf(view: StreamViewData): FeatureServiceData {
  return {
    kind: 'featureService',
    name: 'service',
    version: 1,
    request: view.entity.key,
    p99Ms: null,
    lookups: [
      {
        alias: 'a',
        view,
        key: Object.fromEntries(Object.keys(view.entity.key).map((name) => [name, name])),
        features: view.features.map(({ name }) => name),
      },
    ],
    computed: [],
    features: [],
  };
}
