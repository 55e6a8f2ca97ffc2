import { Buffer } from 'node:buffer';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Columns } from '../../schema/column.ts';
import { parseEventText } from '../../schema/row-parser.ts';
import { readAvroRecord } from './avro-record.ts';
import { type AvroNames, parseAvroSchema } from './avro-schema.ts';
import { parseIndexes } from './frame.ts';
import { loadProtobuf } from './protobuf.ts';
import { type ProtobufReader, protobufReader } from './protobuf-record.ts';
import { messagePaths } from './protobuf-schema.ts';
import {
  type RegisteredSchema,
  type RegistryAddress,
  type SchemaReference,
  schemaOfId,
  schemaOfReference,
} from './registry.ts';

/** Reads the payload of a record by a schema. Errors: SCHEMA_BYTES, SCHEMA_UNUSABLE, EVENT_JSON. */
export type PayloadReader = (payload: Uint8Array) => unknown;

interface Wanted {
  readonly address: RegistryAddress;
  readonly id: number;
  readonly columns: Columns;
  readonly signal: AbortSignal;
}

/** Schemas that one may name, together. */
const MOST_REFERENCES = 200;

/**
 * Fetches a schema with those that it names, and makes the reader of its records; null where the registry has none of that id.
 * Errors: SCHEMA_UNREACHABLE, SCHEMA_DENIED and SCHEMA_CLIENT, which pass; SCHEMA_UNUSABLE.
 */
export async function loadReader(wanted: Wanted): Promise<PayloadReader | null> {
  const { address, id, signal } = wanted;
  const found = await schemaOfId(address, id, null, signal);
  if (found === null) return null;
  switch (found.schemaType) {
    case 'AVRO':
      return avroReader(wanted, found);
    case 'JSON':
      return jsonReader(wanted);
    case 'PROTOBUF':
      return protobufReaders(wanted, found);
    default:
      throw unusable(wanted, `its type is ${JSON.stringify(found.schemaType)}`);
  }
}

function unusable({ address, id }: Wanted, reason: string, cause?: unknown) {
  return fail('SCHEMA_UNUSABLE', { id, url: address.url, reason }, cause);
}

/** Does what throws Error saying what is wrong with a schema. */
function using<T>(wanted: Wanted, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw unusable(wanted, reasonOf(error), error);
  }
}

/** Reads what throws Error saying what is wrong with the bytes. */
function reading(id: number, read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    throw fail('SCHEMA_BYTES', { id, reason: reasonOf(error) }, error);
  }
}

async function avroReader(wanted: Wanted, schema: RegisteredSchema): Promise<PayloadReader> {
  const references = await referencesOf(wanted, schema, null);
  const type = using(wanted, () => {
    const names: AvroNames = new Map();
    for (const text of references.values()) parseAvroSchema(JSON.parse(text), names);
    return parseAvroSchema(JSON.parse(schema.schema), names);
  });
  return (payload) => reading(wanted.id, () => readAvroRecord(type, payload, wanted.columns));
}

/** The fields that the source has; those that only the schema has are left out. */
function jsonReader({ id, columns }: Wanted): PayloadReader {
  return (payload) => {
    const event = parseEventText(textOf(payload, id));
    if (typeof event !== 'object' || event === null || Array.isArray(event)) return event;
    return Object.fromEntries(Object.entries(event).filter(([name]) => Object.hasOwn(columns, name)));
  };
}

function textOf(payload: Uint8Array, id: number): string {
  try {
    return strict.decode(payload);
  } catch (cause) {
    throw fail('SCHEMA_BYTES', { id, reason: 'the text is not UTF-8' }, cause);
  }
}

const strict = new TextDecoder('utf-8', { fatal: true });

/** A reader for each message of the schema, made when a record first names it. */
async function protobufReaders(wanted: Wanted, schema: RegisteredSchema): Promise<PayloadReader> {
  const { address, id, columns, signal } = wanted;
  const protobuf = await loadProtobuf();
  if (protobuf === null) throw fail('SCHEMA_CLIENT', { id, url: address.url });
  const serialized = await schemaOfId(address, id, 'serialized', signal);
  if (serialized === null || serialized.schema === schema.schema)
    throw fail('SCHEMA_UNREACHABLE', { url: address.url, reason: 'it gives no schema with format=serialized' });
  const imports = await referencesOf(wanted, serialized, 'serialized');
  const files = {
    file: Buffer.from(serialized.schema, 'base64'),
    imports: new Map([...imports].map(([name, text]) => [name, Buffer.from(text, 'base64')])),
  };
  const paths = using(wanted, () => messagePaths(protobuf, files.file));
  const readers = new Map<string, ProtobufReader | HeadraceError>();
  const readerAt = (path: readonly number[]): ProtobufReader => {
    const key = path.join();
    // Any record may name any path: one that is not there must cost nothing.
    if (!paths.has(key)) throw unusable(wanted, `it has no message at the indexes ${key}`);
    const reader = readers.get(key) ?? made(() => protobufReader(protobuf, files, path, columns));
    readers.set(key, reader);
    if (isHeadraceError(reader)) throw reader;
    return reader;
  };
  const made = (make: () => ProtobufReader): ProtobufReader | HeadraceError => {
    try {
      return make();
    } catch (error) {
      return unusable(wanted, reasonOf(error), error);
    }
  };
  return (payload) => {
    const { path, at } = parseIndexes(payload, id);
    const reader = readerAt(path);
    return reading(id, () => reader(payload.subarray(at)));
  };
}

/** The texts of the schemas that one names, and of those that these name, by name: each after those that it names. */
async function referencesOf(
  wanted: Wanted,
  schema: RegisteredSchema,
  form: 'serialized' | null,
): Promise<ReadonlyMap<string, string>> {
  const { address, signal } = wanted;
  const texts = new Map<string, string>();
  const seen = new Set<string>();
  const add = async (reference: SchemaReference): Promise<void> => {
    if (seen.has(reference.name)) return;
    seen.add(reference.name);
    if (seen.size > MOST_REFERENCES) throw unusable(wanted, `it names more than ${MOST_REFERENCES} other schemas`);
    const found = await schemaOfReference(address, reference, form, signal);
    for (const inner of found.references ?? []) await add(inner);
    texts.set(reference.name, found.schema);
  };
  for (const reference of schema.references ?? []) await add(reference);
  return texts;
}
