import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FoundRecord } from './judge.ts';

/**
 * Reads a topic from the segment files of a closed event log, by the grammar in docs/reference/formats.md. It shares no code with the
 * log: neither its codec nor its bytes. Throws at a frame that is cut, has another sum, or does not begin where the previous one ends.
 */
export function readTopic(log: string, topic: string): readonly FoundRecord[] {
  const folder = join(log, 'topics', encodeURIComponent(topic));
  const { partitions } = JSON.parse(readFileSync(join(folder, 'topic.json'), 'utf8'));
  const found: FoundRecord[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const place = join(folder, String(partition));
    const files = readdirSync(place).filter((name) => /^\d{16}\.log$/.test(name));
    let next = Number(files.sort()[0]?.slice(0, 16) ?? 0);
    for (const file of files) {
      if (Number(file.slice(0, 16)) !== next)
        throw new Error(`${topic}/${partition}/${file} does not begin at ${next}`);
      for (const { id, payload } of framesOf(readFileSync(join(place, file)), next)) {
        found.push({ partition, offset: next, id, payload });
        next += 1;
      }
    }
  }
  return found;
}

/** frame = "HRL" version:u8 length:u32 check:u32 body; zeros after the last one are room that was kept free. */
function* framesOf(bytes: Buffer, first: number) {
  let next = first;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0 && bytes.subarray(at).every((byte) => byte === 0)) return;
    if (bytes.toString('latin1', at, at + 4) !== 'HRL\u0001') throw new Error(`no frame at byte ${at}`);
    const end = at + 12 + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) throw new Error(`the frame at byte ${at} is cut`);
    const body = bytes.subarray(at + 12, end);
    if (crc32(Buffer.concat([Buffer.of(1), body])) !== bytes.readUInt32LE(at + 8))
      throw new Error(`the frame at byte ${at} has another sum`);
    for (const record of recordsOf(body, next)) {
      yield record;
      next += 1;
    }
    at = end;
  }
}

/** body = offset:varint count:varint ingest:int last:varint safe:varint *record; record = id:text ts:int later:varint size:varint payload */
function recordsOf(body: Buffer, next: number) {
  let at = 0;
  const varint = (weight: number): number => {
    const byte = body[at];
    at += 1;
    return (byte & 127) * weight + (byte > 127 ? varint(weight * 128) : 0);
  };
  /** A time, which nobody here needs: six bits and a sign, the rest as a varint. */
  const skipInt = () => {
    const byte = body[at];
    at += 1;
    if (byte > 127) varint(1);
  };
  const bytes = () => {
    const size = varint(1);
    at += size;
    return body.toString('utf8', at - size, at);
  };
  const offset = varint(1);
  if (offset !== next) throw new Error(`a frame begins at offset ${offset}, not ${next}`);
  const count = varint(1);
  skipInt();
  varint(1);
  varint(1);
  const records = Array.from({ length: count }, () => {
    const id = bytes();
    skipInt();
    varint(1);
    return { id, payload: bytes() };
  });
  if (at !== body.length) throw new Error(`a frame has ${body.length - at} bytes too many`);
  return records;
}
