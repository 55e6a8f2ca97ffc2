import { setImmediate } from 'node:timers/promises';
import type { LogRecord } from '../../../ports/event-log.ts';
import { encodeFrame } from './frame.ts';
import type { LogFiles } from './log-files.ts';
import type { Segment } from './segment.ts';

/** Ending of the file that a segment is rewritten to. */
export const BLANKED = '.blank';

/** Chooses records by themselves and their offset. */
export type WhichRecord = (record: LogRecord, offset: number) => boolean;

/** Another record for one of an offset; the same one where it stays. */
export type ChangeRecord = (record: LogRecord, offset: number) => LogRecord;

const NOTHING = new Uint8Array(0);

/** Frames that are rewritten between two turns of the event loop, so that serving continues. */
const FRAMES_PER_TURN = 64;

/** Makes the chosen records blank. */
export function blanking(which: WhichRecord): ChangeRecord {
  return (record, offset) =>
    record.id === '' || !which(record, offset)
      ? record
      : { id: '', ts: 0, ingestTs: record.ingestTs, payload: NOTHING };
}

/** Gives records other ingest times. */
export function restamping(stampOf: (record: LogRecord, offset: number) => number): ChangeRecord {
  return (record, offset) => {
    const ingestTs = stampOf(record, offset);
    return ingestTs === record.ingestTs ? record : { ...record, ingestTs };
  };
}

/**
 * Writes a closed segment to another file with some records changed. Returns how many were. Synced
 * on return.
 */
export async function writeRewritten(
  files: LogFiles,
  segment: Segment,
  path: string,
  change: ChangeRecord,
): Promise<number> {
  const fd = files.open(path);
  let changed = 0;
  let written = 0;
  let frames = 0;
  try {
    files.truncate(fd, 0);
    for (const { offset, records } of segment.framesFrom(segment.base)) {
      const rewritten = records.map((record, i) => {
        const next = change(record, offset + i);
        if (next !== record) changed += 1;
        return next;
      });
      for (const run of runsOf(rewritten, offset)) {
        // All that stands before a frame of a closed segment is acknowledged.
        const frame = encodeFrame(run.offset, written, run.records);
        for (let at = 0; at < frame.length; ) at += files.append(fd, frame, at);
        written += frame.length;
      }
      frames += 1;
      if (frames % FRAMES_PER_TURN === 0) await setImmediate();
    }
    if (changed > 0) files.sync(fd);
    return changed;
  } finally {
    files.close(fd);
  }
}

/** Ingest times never decrease within a frame. */
function runsOf(records: readonly LogRecord[], offset: number) {
  const begins = [0];
  for (let i = 1; i < records.length; i += 1) if (records[i].ingestTs < records[i - 1].ingestTs) begins.push(i);
  return begins.map((begin, i) => ({ offset: offset + begin, records: records.slice(begin, begins[i + 1]) }));
}
