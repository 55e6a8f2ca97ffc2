import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import type { LogRecord } from '../../../ports/event-log.ts';

/**
 * One append of one partition.
 *
 * ```
 * frame  = magic length check body
 * magic  = "HRL" %x01               ; the last byte is the format version
 * length = u32                      ; little-endian, bytes of the body
 * check  = u32                      ; little-endian, CRC-32 of the body
 * body   = offset count ingest last *(record)
 * offset = varint                   ; of the first record
 * count  = varint                   ; records
 * ingest = int                      ; ingest time of the first record
 * last   = varint                   ; ingest time of the last record, behind the first
 * record = id ts later payload
 * id     = text
 * ts     = int
 * later  = varint                   ; its ingest time, behind the first record's
 * payload = varint bytes
 * ```
 */
export const FRAME_HEADER_BYTES = 12;
export const FRAME_FORMAT = 1;

/** Largest body that is taken for one: a length beyond it is damage. */
export const MOST_BODY_BYTES = 256 * 2 ** 20;

const MAGIC = [0x48, 0x52, 0x4c, FRAME_FORMAT] as const;

export interface FrameHeader {
  readonly offset: number;
  readonly count: number;
  readonly firstIngestTs: number;
  readonly lastIngestTs: number;
}

export interface Frame extends FrameHeader {
  readonly records: readonly LogRecord[];
}

const writer = new ByteWriter(64 * 1024);

/** The bytes of an append, valid until the next call. Hot path. */
export function encodeFrame(offset: number, records: readonly LogRecord[]): Uint8Array {
  writer.clear();
  for (let i = 0; i < FRAME_HEADER_BYTES; i += 1) writer.u8(i < MAGIC.length ? MAGIC[i] : 0);
  const first = records[0].ingestTs;
  writer.varint(offset);
  writer.varint(records.length);
  writer.int(first);
  writer.varint(records[records.length - 1].ingestTs - first);
  for (const { id, ts, ingestTs, payload } of records) {
    writer.text(id);
    writer.int(ts);
    writer.varint(ingestTs - first);
    writer.varint(payload.length);
    writer.bytes(payload);
  }
  const frame = writer.view();
  const view = new DataView(frame.buffer, frame.byteOffset, FRAME_HEADER_BYTES);
  view.setUint32(4, frame.length - FRAME_HEADER_BYTES, true);
  view.setUint32(8, crc32(frame.subarray(FRAME_HEADER_BYTES)), true);
  return frame;
}

/** What stands at `at`: a frame's body, or why there is none. */
export type FrameLook =
  | { readonly kind: 'frame'; readonly body: Uint8Array; readonly end: number }
  | { readonly kind: 'short' }
  | { readonly kind: 'bad'; readonly reason: string };

/** Looks for a whole frame at `at` of the bytes; `check`: also compare its sum. */
export function lookFrame(bytes: Uint8Array, at: number, check: boolean): FrameLook {
  if (at + FRAME_HEADER_BYTES > bytes.length) return { kind: 'short' };
  for (let i = 0; i < MAGIC.length; i += 1)
    if (bytes[at + i] !== MAGIC[i]) return { kind: 'bad', reason: 'there is no frame' };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES);
  const length = view.getUint32(4, true);
  if (length > MOST_BODY_BYTES) return { kind: 'bad', reason: 'its length cannot be' };
  const end = at + FRAME_HEADER_BYTES + length;
  if (end > bytes.length) return { kind: 'short' };
  const body = bytes.subarray(at + FRAME_HEADER_BYTES, end);
  if (check && crc32(body) !== view.getUint32(8, true)) return { kind: 'bad', reason: 'its sum does not fit' };
  return { kind: 'frame', body, end };
}

/** Reads the numbers before the records. Error: BYTES_DAMAGED. */
export function readFrameHeader(body: Uint8Array): FrameHeader {
  return headerOf(new ByteReader('a log frame', body));
}

/** Reads a body. Error: BYTES_DAMAGED. */
export function decodeFrame(body: Uint8Array): Frame {
  const reader = new ByteReader('a log frame', body);
  const header = headerOf(reader);
  const records: LogRecord[] = [];
  for (let i = 0; i < header.count; i += 1) {
    const id = reader.text();
    const ts = reader.int();
    const ingestTs = header.firstIngestTs + reader.varint();
    records.push({ id, ts, ingestTs, payload: reader.bytes(reader.varint()) });
  }
  reader.end();
  return { ...header, records };
}

function headerOf(reader: ByteReader): FrameHeader {
  const offset = reader.varint();
  const count = reader.varint();
  const firstIngestTs = reader.int();
  return { offset, count, firstIngestTs, lastIngestTs: firstIngestTs + reader.varint() };
}
