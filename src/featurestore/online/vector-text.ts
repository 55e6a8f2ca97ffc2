import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { valueToJson } from '../../schema/value-json.ts';
import type { ServedVector } from './served-vector.ts';

/** Writes a vector as JSON text. Hot path: a writer per column, names quoted once. */
export type VectorText = (vector: ServedVector) => string;

/**
 * Compiles the writer of a service's vectors:
 * `{"at":…,"complete":true,"features":{…},"missing":{name:reason},"stale":[…],"ages":{…},"degraded":false}`.
 */
export function vectorText(service: FeatureServiceData): VectorText {
  const heads = service.features.map(({ name }, i) => `${i === 0 ? '' : ','}${JSON.stringify(name)}:`);
  const writers = service.features.map(({ type }) => valueText(type));
  const names = service.features.map(({ name }) => JSON.stringify(name));
  return ({ at, values, missing, stale, ages, degraded }) => {
    let features = '';
    for (let i = 0; i < heads.length; i += 1) features += heads[i] + writers[i](values[i]);
    const gaps =
      missing.length === 0 ? '' : missing.map(({ feature, reason }) => `${names[feature]}:"${reason}"`).join(',');
    const old = stale.length === 0 ? '' : stale.map((alias) => `"${alias}"`).join(',');
    return `{"at":${at},"complete":${missing.length === 0},"features":{${features}},"missing":{${gaps}},"stale":[${old}],"ages":{"streaming":${age(ages.streaming)},"batch":${age(ages.batch)}},"degraded":${degraded}}`;
  };
}

function age(ms: number | null): string {
  return ms === null || !Number.isFinite(ms) ? 'null' : String(ms);
}

function valueText(type: ColumnSpec): (value: Value) => string {
  switch (type.type) {
    case 'int':
    case 'float':
    case 'time':
    case 'bool':
      return (value) => (value === null ? 'null' : String(value));
    default: {
      const toJson = valueToJson(type);
      return (value) => JSON.stringify(toJson(value));
    }
  }
}
