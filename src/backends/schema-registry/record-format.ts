import { Buffer } from 'node:buffer';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { ReadRecord, RecordFormat } from '../../ports/record-format.ts';
import type { Columns } from '../../schema/column.ts';
import { type Frame, parseFrame } from './frame.ts';
import { loadReader, type PayloadReader } from './loaded-schema.ts';
import type { RegistryAddress } from './registry.ts';

export interface RegistryFormatOptions {
  readonly address: RegistryAddress;
  /** Of the source: fields that it does not declare are passed over. */
  readonly columns: Columns;
  /** Milliseconds, to forget what the registry had not. */
  readonly now: () => number;
}

/** A schema by its id: what reads its records, or why none can be read until a time. */
type Schema =
  | { readonly kind: 'reader'; readonly read: PayloadReader }
  | { readonly kind: 'none'; readonly error: HeadraceError; readonly until: number };

interface Schemas {
  readonly readers: Map<number, Schema>;
  readonly none: Map<number, Schema>;
}

/** Schemas that are kept; a topic has few. */
const MOST_READERS = 1_000;

/** Ids without a schema that are remembered: apart, so that a flood of them takes the place of no schema. */
const MOST_NONE = 10_000;

/** An id that the registry had not is asked for again after this, ms. */
const ASK_AGAIN_MS = 60_000;

/** Bytes that are kept, for inspection, of a record that is not an event. */
const SHOWN_BYTES = 4_000;

/** Reads values in the wire format of a schema registry: each schema is fetched when a record first names it, and kept. */
export function registryFormat(options: RegistryFormatOptions): RecordFormat {
  const schemas: Schemas = { readers: new Map(), none: new Map() };
  return {
    async read(values, signal) {
      const frames = values.map(frameOf);
      const used = new Map<number, Schema>();
      for (const frame of frames)
        if (!isHeadraceError(frame) && !used.has(frame.id))
          used.set(frame.id, await schemaOf(options, schemas, frame.id, signal));
      return frames.map((frame, index) => recordOf(values[index], frame, used));
    },
  };
}

function frameOf(value: Uint8Array): Frame | HeadraceError {
  try {
    return parseFrame(value);
  } catch (error) {
    if (isHeadraceError(error)) return error;
    throw error;
  }
}

function recordOf(value: Uint8Array, frame: Frame | HeadraceError, schemas: ReadonlyMap<number, Schema>): ReadRecord {
  if (isHeadraceError(frame)) return refused(value, frame);
  const schema = schemas.get(frame.id);
  if (schema === undefined) throw new Error(`schema ${frame.id} was not fetched`);
  if (schema.kind === 'none') return refused(value, schema.error);
  try {
    return { kind: 'event', event: schema.read(frame.payload) };
  } catch (error) {
    if (isHeadraceError(error)) return refused(value, error);
    throw error;
  }
}

function refused(value: Uint8Array, error: HeadraceError): ReadRecord {
  return { kind: 'refused', payload: `0x${Buffer.from(value.subarray(0, SHOWN_BYTES)).toString('hex')}`, error };
}

async function schemaOf(
  { address, columns, now }: RegistryFormatOptions,
  { readers, none }: Schemas,
  id: number,
  signal: AbortSignal,
): Promise<Schema> {
  const known = readers.get(id) ?? none.get(id);
  if (known?.kind === 'reader' || (known?.kind === 'none' && now() < known.until)) return known;
  const found = await load(() => loadReader({ address, id, columns, signal }), address.url, id);
  if (!isHeadraceError(found)) return keep(readers, MOST_READERS, id, { kind: 'reader', read: found });
  return keep(none, MOST_NONE, id, { kind: 'none', error: found, until: now() + ASK_AGAIN_MS });
}

/** Puts a schema into a bounded map, in the place of the oldest where it is full. */
function keep(schemas: Map<number, Schema>, most: number, id: number, schema: Schema): Schema {
  schemas.delete(id);
  const [oldest] = schemas.keys();
  if (schemas.size >= most && oldest !== undefined) schemas.delete(oldest);
  schemas.set(id, schema);
  return schema;
}

/** The reader of a schema, or why there is none. Errors: those that pass. */
async function load(
  reader: () => Promise<PayloadReader | null>,
  url: string,
  id: number,
): Promise<PayloadReader | HeadraceError> {
  try {
    return (await reader()) ?? fail('SCHEMA_UNKNOWN', { url, id });
  } catch (error) {
    if (isHeadraceError(error, 'SCHEMA_UNUSABLE')) return error;
    throw error;
  }
}
