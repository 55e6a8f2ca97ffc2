import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail } from '../../base/errors/fail.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { OfflineValue } from '../../ports/offline-store.ts';

/** A row of a table of profiles; see `profileTable`. */
export interface ProfileRow {
  /** `shop@1` */
  readonly service: string;
  readonly host: string;
  readonly process: string;
  /** Epoch ms. */
  readonly begins: number;
  readonly ends: number;
  /** Empty: the row has the counts. */
  readonly feature: string;
  readonly served: number;
  readonly rows: number;
  readonly texts: readonly string[];
  /** A profile of one column; null in the row with the counts. */
  readonly profile: Uint8Array | null;
}

/**
 * A row as the payload of a record of the log:
 *
 * ```
 * row = u8(1) text(service) text(host) text(process) int(begins) int(ends) text(feature) varint(served) varint(rows)
 *       varint(texts) *text varint(bytes) profile                 ; 0 bytes: none
 * ```
 */
const FORMAT = 1;

/** The topic of profiles. No event source has a hyphen in its name, so none has this topic. */
export const PROFILE_TOPIC = 'served-profiles@1';

/** One for all calls. */
const writer = new ByteWriter(4_096);

export function encodeProfileRow(row: ProfileRow): Uint8Array {
  const out = writer;
  out.clear();
  out.u8(FORMAT);
  out.text(row.service);
  out.text(row.host);
  out.text(row.process);
  out.int(row.begins);
  out.int(row.ends);
  out.text(row.feature);
  out.varint(row.served);
  out.varint(row.rows);
  out.varint(row.texts.length);
  for (const text of row.texts) out.text(text);
  out.varint(row.profile?.length ?? 0);
  if (row.profile !== null) out.bytes(row.profile);
  return out.finish();
}

/** Error: DRIFT_PROFILE. */
export function decodeProfileRow(payload: Uint8Array): ProfileRow {
  if (payload[0] !== FORMAT) throw fail('DRIFT_PROFILE', { reason: `the version of its row is ${payload[0]}` });
  const reader = new ByteReader('a row of profiles', payload.subarray(1));
  const [service, host, process] = [reader.text(), reader.text(), reader.text()];
  const [begins, ends] = [reader.int(), reader.int()];
  const feature = reader.text();
  const [served, rows] = [reader.varint(), reader.varint()];
  const texts = Array.from({ length: Math.min(reader.varint(), payload.length) }, () => reader.text());
  const length = reader.varint();
  const profile = length === 0 ? null : reader.bytes(length).slice();
  return { service, host, process, begins, ends, feature, served, rows, texts, profile };
}

/** The rows that can be read; one that cannot, such as of an instant past every number, takes no other with it. */
export function readableRows(rows: readonly Uint8Array[], onFault: (error: unknown) => void): readonly Uint8Array[] {
  return rows.filter((row) => {
    try {
      decodeProfileRow(row);
      return true;
    } catch (error) {
      onFault(error);
      return false;
    }
  });
}

/** A record of the topic: its id says which row of which process it is. */
export function profileRecord(payload: Uint8Array, ingestTs: number): LogRecord {
  const { service, process, begins, feature } = decodeProfileRow(payload);
  return { id: `${service}/${process}/${begins}/${feature}`, ts: begins, ingestTs, payload };
}

/** The cells of the row in its table. */
export function profileCells(row: ProfileRow): readonly OfflineValue[] {
  const { host, process, begins, ends, feature, served, rows, texts, profile } = row;
  return [host, process, begins, ends, feature, served, rows, texts, profile];
}
