import { setImmediate } from 'node:timers/promises';
import type { LogRecord } from '../../../ports/event-log.ts';
import { encodeFrame } from './frame.ts';
import type { LogFiles } from './log-files.ts';
import type { Segment } from './segment.ts';

/** Ending of the file that a segment is rewritten to. */
export const BLANKED = '.blank';

/** Chooses records by themselves and their offset. */
export type WhichRecord = (record: LogRecord, offset: number) => boolean;

const NOTHING = new Uint8Array(0);

/** Frames that are rewritten between two turns of the event loop, so that serving continues. */
const FRAMES_PER_TURN = 64;

/**
 * Writes a closed segment to another file with the chosen records blank. Returns how many were not blank before. Synced
 * on return.
 */
export async function writeBlanked(
  files: LogFiles,
  segment: Segment,
  path: string,
  which: WhichRecord,
): Promise<number> {
  const fd = files.open(path);
  let blanked = 0;
  let written = 0;
  let frames = 0;
  try {
    files.truncate(fd, 0);
    for (const { offset, records } of segment.framesFrom(segment.base)) {
      const kept = records.map((record, i) => {
        if (record.id === '' || !which(record, offset + i)) return record;
        blanked += 1;
        return { id: '', ts: 0, ingestTs: record.ingestTs, payload: NOTHING };
      });
      // All that stands before a frame of a closed segment is acknowledged.
      const frame = encodeFrame(offset, written, kept);
      for (let at = 0; at < frame.length; ) at += files.append(fd, frame, at);
      written += frame.length;
      frames += 1;
      if (frames % FRAMES_PER_TURN === 0) await setImmediate();
    }
    if (blanked > 0) files.sync(fd);
    return blanked;
  } finally {
    files.close(fd);
  }
}
