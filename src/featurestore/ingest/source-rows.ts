import { type SchemaTexts, schemasOf } from '../../features/change/source-schemas.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { INGEST_TS } from '../../features/plan/raw-table.ts';
import type { EventLogCapabilities } from '../../ports/event-log.ts';
import type { Value } from '../../schema/column.ts';
import { rowJson } from '../../schema/row-json.ts';
import { versionedRowCodec } from '../../schema/versioned-row-codec.ts';

/** How a source's rows are written in the log and read again. */
export interface DeliveryRows {
  readonly encode: (row: readonly Value[], ingestTs: number) => Uint8Array;
  /** Errors: BYTES_DAMAGED, BYTES_VERSION, EVENT_SCHEMA. */
  readonly decode: (payload: Uint8Array) => readonly Value[];
}

export type RowsOf = (source: EventSourceData) => DeliveryRows;

/** Writes the declared columns as the log wants them, and reads whatever `schemas` says was written before. */
export function sourceRows(schemas: SchemaTexts, rows: EventLogCapabilities['rows']): RowsOf {
  const known = new Map<EventSourceData, DeliveryRows>();
  return (source) => {
    const made = known.get(source) ?? (rows === 'json' ? jsonRows(source) : compactRows(schemas, source));
    known.set(source, made);
    return made;
  };
}

function compactRows(schemas: SchemaTexts, source: EventSourceData): DeliveryRows {
  return versionedRowCodec(schemasOf(schemas, source), `an event of ${source.name}`);
}

/** Columns that came later are absent from older rows, and every wider type reads a narrower one. */
function jsonRows(source: EventSourceData): DeliveryRows {
  const { encode, decode } = rowJson(source.columns, `an event of ${source.name}`);
  return { encode: (row, ingestTs) => encode(row, { [INGEST_TS]: ingestTs }), decode };
}
