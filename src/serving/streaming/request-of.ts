import type { EventSourceData, FeatureServiceData } from '../../features/define/declaration.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';

/** Compiles the way from an event's row to a request of a service, as a user writes one. */
export function requestOfRow(
  { columns }: EventSourceData,
  { request }: FeatureServiceData,
): (row: readonly Value[]) => Readonly<Record<string, Value>> {
  const names = Object.keys(columns);
  const places = Object.keys(request).map((name) => [name, names.indexOf(name), written(request[name])] as const);
  return (row) => Object.fromEntries(places.map(([name, place, write]) => [name, write(row[place] ?? null)]));
}

/** Decimals and int64 are texts where a user writes them. */
function written(spec: ColumnSpec): (value: Value) => Value {
  const { scale = 0 } = spec;
  if (spec.type === 'decimal') return (value) => (typeof value === 'bigint' ? scaledToText(value, scale) : value);
  return spec.type === 'int64' ? (value) => (typeof value === 'bigint' ? String(value) : value) : (value) => value;
}
