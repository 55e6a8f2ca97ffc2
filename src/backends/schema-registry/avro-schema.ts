import { MOST_SCALE } from './numbers.ts';

/** The logical type of a primitive or fixed type. */
export type Logical =
  | { readonly kind: 'decimal'; readonly scale: number }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'date' }
  /** This many ticks are a millisecond. */
  | { readonly kind: 'timestamp'; readonly perMilli: number };

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
type Primitive = (typeof PRIMITIVES)[number];

/** A type of Avro, its names resolved; records may contain themselves. */
export type AvroType =
  | { readonly kind: Primitive; readonly logical: Logical | null }
  | { readonly kind: 'fixed'; readonly size: number; readonly logical: Logical | null }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | { readonly kind: 'record'; readonly fields: readonly AvroField[] };

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
}

/** Types by their full names. */
export type AvroNames = Map<string, AvroType>;

/** A schema nests its types no deeper than this. */
const MOST_DEPTH = 100;

interface Scope {
  readonly names: AvroNames;
  readonly namespace: string;
  readonly depth: number;
}

/**
 * Parses a schema as JSON has it, and adds its names to those that it may use (those of referenced schemas).
 * Throws Error saying what is wrong with it.
 */
export function parseAvroSchema(json: unknown, names: AvroNames): AvroType {
  return parseType(json, { names, namespace: '', depth: 0 });
}

function parseType(json: unknown, outer: Scope): AvroType {
  const scope = { ...outer, depth: outer.depth + 1 };
  if (scope.depth > MOST_DEPTH) throw new Error(`types are nested deeper than ${MOST_DEPTH}`);
  if (typeof json === 'string') return namedType(json, scope);
  if (Array.isArray(json)) return { kind: 'union', branches: json.map((branch) => parseType(branch, scope)) };
  if (!isObject(json)) throw new Error(`${JSON.stringify(json)} is no type`);
  const { type } = json;
  switch (type) {
    case 'record':
    case 'error':
      return recordType(json, scope);
    case 'enum':
      return define(json, scope, { kind: 'enum', symbols: textsOf(json['symbols']) });
    case 'fixed':
      return fixedType(json, scope);
    case 'array':
      return { kind: 'array', items: parseType(json['items'], scope) };
    case 'map':
      return { kind: 'map', values: parseType(json['values'], scope) };
    default:
      return annotatedType(json, parseType(type, scope));
  }
}

function namedType(name: string, { names, namespace }: Scope): AvroType {
  const primitive = PRIMITIVES.find((one) => one === name);
  if (primitive !== undefined) return { kind: primitive, logical: null };
  const found = names.get(fullName(name, namespace)) ?? names.get(name);
  if (found === undefined) throw new Error(`the type "${name}" is not defined`);
  return found;
}

/** A primitive with more said of it: a logical type that does not fit the type is passed over, as the specification has it. */
function annotatedType(json: Readonly<Record<string, unknown>>, type: AvroType): AvroType {
  switch (type.kind) {
    case 'int':
    case 'long':
    case 'bytes':
    case 'string':
      return { kind: type.kind, logical: logicalOf(json, type.kind, 0) };
    default:
      return type;
  }
}

function recordType(json: Readonly<Record<string, unknown>>, scope: Scope): AvroType {
  const fields: AvroField[] = [];
  const record: AvroType = { kind: 'record', fields };
  define(json, scope, record);
  const inner = { ...scope, namespace: namespaceOf(nameOf(json, scope)) };
  const written = json['fields'];
  if (!Array.isArray(written)) throw new Error('a record has no fields');
  const seen = new Set<string>();
  for (const field of written) {
    const name: unknown = isObject(field) ? field['name'] : undefined;
    if (!isObject(field) || typeof name !== 'string') throw new Error('a field has no name');
    if (seen.has(name)) throw new Error(`two fields are called "${name}"`);
    seen.add(name);
    fields.push({ name, type: parseType(field['type'], inner) });
  }
  return record;
}

function fixedType(json: Readonly<Record<string, unknown>>, scope: Scope): AvroType {
  const { size } = json;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new Error('a fixed type has no size');
  return define(json, scope, { kind: 'fixed', size, logical: logicalOf(json, 'fixed', size) });
}

function logicalOf(
  json: Readonly<Record<string, unknown>>,
  on: 'int' | 'long' | 'bytes' | 'string' | 'fixed',
  size: number,
): Logical | null {
  switch (`${json['logicalType']} ${on}`) {
    case 'decimal bytes':
    case 'decimal fixed':
      return decimalLogical(json);
    case 'uuid string':
      return { kind: 'uuid' };
    case 'uuid fixed':
      return size === 16 ? { kind: 'uuid' } : null;
    case 'date int':
      return { kind: 'date' };
    case 'timestamp-millis long':
    case 'local-timestamp-millis long':
      return { kind: 'timestamp', perMilli: 1 };
    case 'timestamp-micros long':
    case 'local-timestamp-micros long':
      return { kind: 'timestamp', perMilli: 1_000 };
    case 'timestamp-nanos long':
    case 'local-timestamp-nanos long':
      return { kind: 'timestamp', perMilli: 1_000_000 };
    default:
      return null;
  }
}

function decimalLogical({ scale = 0, precision }: Readonly<Record<string, unknown>>): Logical | null {
  const isScale = typeof scale === 'number' && Number.isInteger(scale) && scale >= 0 && scale <= MOST_SCALE;
  const isDecimal = isScale && typeof precision === 'number' && precision >= Math.max(1, scale);
  return isDecimal ? { kind: 'decimal', scale } : null;
}

function define(json: Readonly<Record<string, unknown>>, scope: Scope, type: AvroType): AvroType {
  const name = nameOf(json, scope);
  if (scope.names.has(name)) throw new Error(`the type "${name}" is defined twice`);
  scope.names.set(name, type);
  return type;
}

function nameOf({ name, namespace }: Readonly<Record<string, unknown>>, scope: Scope): string {
  if (typeof name !== 'string' || name === '') throw new Error('a record, enum or fixed type has no name');
  return fullName(name, typeof namespace === 'string' ? namespace : scope.namespace);
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

function textsOf(json: unknown): readonly string[] {
  if (Array.isArray(json) && json.every((one) => typeof one === 'string')) return json;
  throw new Error('an enum has no symbols');
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
