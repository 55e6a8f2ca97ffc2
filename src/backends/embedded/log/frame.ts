import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import type { LogRecord, SeeHead } from '../../../ports/event-log.ts';

/**
 * One append of one partition.
 *
 * ```
 * frame  = magic version length check body
 * magic  = "HRL"
 * version = %x01
 * length = u32                      ; little-endian, bytes of the body
 * check  = u32                      ; little-endian, CRC-32 of version and body
 * body   = offset count ingest last safe *(record)
 * offset = varint                   ; of the first record
 * count  = varint                   ; records
 * ingest = int                      ; ingest time of the first record
 * last   = varint                   ; ingest time of the last record, behind the first
 * safe   = varint                   ; bytes of this file that were acknowledged when the frame was written
 * record = id ts later payload
 * id     = text
 * ts     = int
 * later  = varint                   ; its ingest time, behind the first record's
 * payload = varint bytes
 * ```
 * Every version begins with magic, version, length and check. A frame before the `safe` of a whole one was
 * acknowledged: if it is bad, that is damage. Any other bad frame is an append that a loss of power cut short.
 */
export const FRAME_HEADER_BYTES = 12;
const FRAME_FORMAT = 1;

/** Largest body that is written, or taken for one. */
export const MOST_BODY_BYTES = 256 * 2 ** 20;

/** The numbers before the records take at most this many bytes. */
export const FRAME_HEAD_BYTES = FRAME_HEADER_BYTES + 5 * 9;

const MAGIC = [0x48, 0x52, 0x4c] as const;

const SUMS_OF_VERSIONS = Array.from({ length: 256 }, (_, version) => crc32(Uint8Array.of(version)));

export interface FrameHeader {
  readonly offset: number;
  readonly count: number;
  readonly firstIngestTs: number;
  readonly lastIngestTs: number;
  readonly safeBytes: number;
}

export interface Frame extends FrameHeader {
  readonly records: readonly LogRecord[];
}

const writer = new ByteWriter(64 * 1024);

/** The bytes of an append, valid until the next call. Hot path. */
export function encodeFrame(offset: number, safeBytes: number, records: readonly LogRecord[]): Uint8Array {
  writer.clear();
  for (const byte of MAGIC) writer.u8(byte);
  writer.u8(FRAME_FORMAT);
  for (let i = writer.length; i < FRAME_HEADER_BYTES; i += 1) writer.u8(0);
  const first = records[0].ingestTs;
  writer.varint(offset);
  writer.varint(records.length);
  writer.int(first);
  writer.varint(records[records.length - 1].ingestTs - first);
  writer.varint(safeBytes);
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
  view.setUint32(8, crc32(frame.subarray(FRAME_HEADER_BYTES), SUMS_OF_VERSIONS[FRAME_FORMAT]), true);
  return frame;
}

/** The body within a frame's bytes. */
export function bodyOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(FRAME_HEADER_BYTES);
}

/** The result of reading a place: a frame's body, or why there is none. `other`: a whole frame of another version. */
export type FrameLook =
  | { readonly kind: 'frame'; readonly body: Uint8Array; readonly end: number }
  | { readonly kind: 'short' }
  | { readonly kind: 'bad'; readonly reason: string }
  | { readonly kind: 'other'; readonly version: number };

/** Looks for a whole frame, with its sum, at `at` of the bytes. */
export function lookFrame(bytes: Uint8Array, at: number): FrameLook {
  const length = bodyLength(bytes, at);
  if (typeof length !== 'number') return length;
  const end = at + FRAME_HEADER_BYTES + length;
  if (end > bytes.length) return { kind: 'short' };
  const body = bytes.subarray(at + FRAME_HEADER_BYTES, end);
  const version = bytes[at + MAGIC.length];
  const sum = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES).getUint32(8, true);
  if (crc32(body, SUMS_OF_VERSIONS[version]) !== sum) return { kind: 'bad', reason: 'its sum does not fit' };
  return version === FRAME_FORMAT ? { kind: 'frame', body, end } : { kind: 'other', version };
}

/** Bytes of the body of the frame at `at`, by its first 12 bytes, or why there is no frame. */
export function bodyLength(bytes: Uint8Array, at: number): number | FrameLook {
  if (at + FRAME_HEADER_BYTES > bytes.length) return { kind: 'short' };
  for (let i = 0; i < MAGIC.length; i += 1) {
    if (bytes[at + i] !== MAGIC[i]) return { kind: 'bad', reason: 'there is no frame' };
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES).getUint32(4, true);
  return length > MOST_BODY_BYTES ? { kind: 'bad', reason: 'its length cannot be' } : length;
}

/** Whether there is a frame of this version, by its first 12 bytes. */
export function isThisVersion(bytes: Uint8Array, at: number): boolean {
  return bytes[at + MAGIC.length] === FRAME_FORMAT;
}

/** Where the next "H" stands, which a frame begins with; -1 if none does. */
export function nextMagic(bytes: Uint8Array, from: number): number {
  return bytes.indexOf(MAGIC[0], from);
}

/** Reads the numbers before the records. Error: BYTES_DAMAGED. */
export function readFrameHeader(body: Uint8Array): FrameHeader {
  return headerOf(new ByteReader('a log frame', body));
}

/** Reads a body. Error: BYTES_DAMAGED. Hot path. */
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

/** Calls `see` with the head of each record of a body, and gives the offset after the last. Errors: BYTES_DAMAGED; those of `see`. Hot path. */
export function eachHeadOf(body: Uint8Array, see: SeeHead): number {
  const reader = new ByteReader('a log frame', body);
  const header = headerOf(reader);
  const head = { bytes: body, idFrom: 0, idTo: 0, ts: 0, ingestTs: 0 };
  for (let i = 0; i < header.count; i += 1) {
    const length = reader.varint();
    head.idFrom = reader.offset;
    reader.skip(length);
    head.idTo = reader.offset;
    head.ts = reader.int();
    head.ingestTs = header.firstIngestTs + reader.varint();
    reader.skip(reader.varint());
    see(head, header.offset + i);
  }
  reader.end();
  return header.offset + header.count;
}

function headerOf(reader: ByteReader): FrameHeader {
  const offset = reader.varint();
  const count = reader.varint();
  const firstIngestTs = reader.int();
  return {
    offset,
    count,
    firstIngestTs,
    lastIngestTs: firstIngestTs + reader.varint(),
    safeBytes: reader.varint(),
  };
}
