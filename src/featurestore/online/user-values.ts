import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';
import type { ServedVector } from './served-vector.ts';

/** A vector as users get it. `complete` says that every feature has an answer; `missing` names those without one and why. */
export interface Vector<F> {
  readonly at: number;
  readonly complete: boolean;
  readonly features: F;
  readonly missing: Readonly<Record<string, string>>;
  readonly stale: readonly string[];
  readonly ages: ServedVector['ages'];
  /** Whether the online store may have lost acknowledged writes and is being caught up. */
  readonly degraded: boolean;
}

/** Compiles a service's way from served vectors to users' objects. */
export function userVector(
  service: FeatureServiceData,
): (vector: ServedVector) => Vector<Readonly<Record<string, Value>>> {
  const writers = service.features.map(({ type }) => userValue(type));
  const names = service.features.map(({ name }) => name);
  return ({ at, values, missing, stale, ages, degraded }) => {
    const features: Record<string, Value> = {};
    for (let i = 0; i < names.length; i += 1) features[names[i]] = writers[i](values[i]);
    return {
      at,
      complete: missing.length === 0,
      features,
      missing: Object.fromEntries(missing.map(({ feature, reason }) => [names[feature], reason])),
      stale,
      ages,
      degraded,
    };
  };
}

/** A column's way out to users. */
export function userValue(spec: ColumnSpec): (value: Value) => Value {
  const type = spec.type === 'list' ? spec.element : spec.type;
  if (type !== 'decimal') return (value) => value;
  const scale = spec.scale ?? 0;
  const one = (value: string | number | bigint | boolean) =>
    typeof value === 'bigint' ? scaledToText(value, scale) : value;
  return (value) => (value === null ? null : typeof value === 'object' ? value.map(one) : one(value));
}
