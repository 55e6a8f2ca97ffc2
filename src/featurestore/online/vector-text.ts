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
  const segments = segmentsOf(service);
  const heads = service.features.map(({ name }, i) => `${i === 0 ? '' : ','}${JSON.stringify(name)}:`);
  const writers = service.features.map(({ type }) => valueText(type));
  const names = service.features.map(({ name }) => JSON.stringify(name));
  const write = (values: readonly Value[], from: number, to: number): string => {
    let text = '';
    for (let i = from; i < to; i += 1) text += heads[i] + writers[i](values[i]);
    return text;
  };
  return ({ at, values, missing, stale, ages, degraded, texts }) => {
    let features = '';
    for (let s = 0; s < segments.length; s += 1) {
      const { lookup, from, to } = segments[s];
      const kept = texts[lookup] ?? null;
      if (kept === null) features += write(values, from, to);
      else {
        kept.text ??= heads
          .slice(from, to)
          .map((head, i) => head + writers[from + i](values[from + i]))
          .join('');
        features += kept.text;
      }
    }
    const gaps =
      missing.length === 0 ? '' : missing.map(({ feature, reason }) => `${names[feature]}:"${reason}"`).join(',');
    const old = stale.length === 0 ? '' : stale.map((alias) => `"${alias}"`).join(',');
    return `{"at":${at},"complete":${missing.length === 0},"features":{${features}},"missing":{${gaps}},"stale":[${old}],"ages":{"streaming":${age(ages.streaming)},"batch":${age(ages.batch)}},"degraded":${degraded}}`;
  };
}

/** Features one after the other of one lookup; -1: of none. */
interface Segment {
  readonly lookup: number;
  readonly from: number;
  to: number;
}

function segmentsOf({ features, lookups }: FeatureServiceData): readonly Segment[] {
  const segments: Segment[] = [];
  features.forEach(({ from }, i) => {
    const lookup = lookups.findIndex(({ alias }) => alias === from);
    const last = segments.at(-1);
    if (last?.lookup === lookup) last.to = i + 1;
    else segments.push({ lookup, from: i, to: i + 1 });
  });
  const seen = segments.map(({ lookup }) => lookup).filter((lookup) => lookup >= 0);
  // Kept texts are of all features of a lookup, together.
  if (new Set(seen).size !== seen.length) return features.map((_, i) => ({ lookup: -1, from: i, to: i + 1 }));
  return segments;
}

/** Whether all that {@link vectorText} can write of a service is ASCII: no text among its features, none in their names. */
export function writesAscii({ features, lookups }: FeatureServiceData): boolean {
  const names = [...features.map(({ name }) => name), ...lookups.map(({ alias }) => alias)];
  return features.every(({ type }) => !TEXTS.has(type.type)) && names.every((name) => /^[\x20-\x7e]*$/.test(name));
}

const TEXTS: ReadonlySet<ColumnSpec['type']> = new Set(['text', 'list']);

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
