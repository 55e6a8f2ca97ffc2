import type { Value } from '../../schema/column.ts';
import type { LookupSpec } from '../define/declaration.ts';
import { type ReadColumn, type ServiceReadOptions, serviceRead } from '../plan/service-read.ts';
import { compileSteps } from './compile.ts';
import { partsDecoder, type SqlValue, valueDecoder } from './decode.ts';
import type { Dialect, Statement } from './dialect.ts';

export interface PointInTimeOptions extends ServiceReadOptions {
  readonly dialect: Dialect;
}

/**
 * The answers of a service's lookups for every row of a spine at its instant, as one SELECT. Rows have no order;
 * each has `_id`, `_at`, the request columns and then the answers, read by the decoders.
 */
export interface PointInTimeQuery {
  readonly sql: string;
  /** The same, step by step. */
  readonly statement: Statement;
  /** How many columns a row has. */
  readonly width: number;
  readonly id: (row: readonly SqlValue[]) => Value;
  readonly at: (row: readonly SqlValue[]) => number;
  /** Values of the service's request columns, in order. */
  readonly request: (row: readonly SqlValue[]) => readonly Value[];
  readonly features: readonly AnsweredFeature[];
  /** Events per stream lookup and window (in the order of `windowsOf`); empty unless asked for. */
  readonly counts: readonly AnsweredCount[];
}

export interface AnsweredFeature {
  readonly lookup: LookupSpec;
  readonly feature: string;
  /** The place of its column, from 0; of parts that of the first of two. */
  readonly at: number;
  /** Whether its column in the SQL is not the answer but the parts of it. */
  readonly byParts: boolean;
  /** Null where there is no answer or none that is exact. */
  readonly value: (row: readonly SqlValue[]) => Value;
}

export interface AnsweredCount {
  readonly lookup: LookupSpec;
  readonly window: number;
  /** Null where the row asks for no entity. */
  readonly events: (row: readonly SqlValue[]) => number | null;
}

/** Writes the point-in-time join of a service. */
export function pointInTimeQuery(options: PointInTimeOptions): PointInTimeQuery {
  const { plan, columns } = serviceRead(options);
  const names = Object.keys(options.service.request);
  const request = Object.values(options.service.request).map(valueDecoder);
  const statement = compileSteps(plan, options.dialect);
  return {
    sql: options.dialect.statement(statement),
    statement,
    width: columns.length,
    id: (row) => valueDecoder({ type: 'text', nullable: true })(row[0]),
    at: (row) => Number(row[1]),
    request: (row) => request.map((decode, index) => decode(row[REQUEST_AT + index])),
    features: columns.flatMap((column, index) => answeredFeature(column, index, names)),
    counts: columns.flatMap(answeredCount),
  };
}

/** Behind `_id` and `_at`. */
const REQUEST_AT = 2;

function requestPositions({ key }: LookupSpec, request: readonly string[]): readonly number[] {
  return Object.values(key).map((name) => REQUEST_AT + request.indexOf(name));
}

function answeredFeature({ holds }: ReadColumn, index: number, request: readonly string[]): readonly AnsweredFeature[] {
  if (holds.kind !== 'feature' || holds.half === 'values') return [];
  const { lookup, feature } = holds;
  const { view } = lookup;
  if (view.kind === 'batchView') {
    const decode = valueDecoder(view.features[feature]);
    return [{ lookup, feature, at: index, byParts: false, value: (row) => decode(row[index]) }];
  }
  const spec = view.features.find(({ name }) => name === feature);
  if (spec === undefined) return [];
  if (holds.half === 'parts') {
    const decode = partsDecoder(view.aggregates[spec.aggregate]);
    // Lists are null where there are no events and where there is no entity: the request tells the two apart.
    const keys = requestPositions(lookup, request);
    const value = (row: readonly SqlValue[]) =>
      keys.some((at) => row[at] === null) ? null : decode(row[index], row[index + 1]);
    return [{ lookup, feature, at: index, byParts: true, value }];
  }
  const decode = valueDecoder(spec.type);
  return [{ lookup, feature, at: index, byParts: false, value: (row) => decode(row[index]) }];
}

function answeredCount({ holds }: ReadColumn, index: number): readonly AnsweredCount[] {
  if (holds.kind !== 'count') return [];
  const { lookup, window } = holds;
  return [{ lookup, window, events: (row) => (row[index] === null ? null : Number(row[index])) }];
}
