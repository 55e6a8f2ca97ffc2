import { createReadStream, createWriteStream, fstatSync } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { filesOf, segmentsOf } from './segment-files.ts';

/** A log that is being copied. */
export interface HeldLog {
  /** Copies what the log has by now, and whatever it had when it was held: retention takes nothing from the copy. */
  copyTo(to: string): Promise<void>;
  release(): Promise<void>;
}

/**
 * Holds the segments of a log while a process writes to it. Stores that are copied between this call and `copyTo` find
 * in the copy all events that they lack: their positions are within the copied range.
 */
export async function holdLog(path: string): Promise<HeldLog> {
  const segments = new Map<string, FileHandle>();
  const hold = async () => {
    for (const file of segmentsOf(path)) {
      if (segments.has(file)) continue;
      const handle = await open(join(path, file), 'r').catch(unlessGone);
      if (handle !== null) segments.set(file, handle);
    }
  };
  await hold();
  return {
    copyTo: async (to) => {
      await hold();
      for (const [file, { fd }] of segments) await copyBytes(fd, join(to, file));
      for (const file of filesOf(path, (name) => name.endsWith('.json'))) {
        await mkdir(dirname(join(to, file)), { recursive: true });
        await copyFile(join(path, file), join(to, file));
      }
    },
    release: async () => {
      for (const handle of segments.values()) await handle.close();
    },
  };
}

/**
 * An append that is being written meanwhile is left out or cut off. It is not acknowledged yet, and opening the copy
 * removes a torn frame.
 */
async function copyBytes(fd: number, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const { size } = fstatSync(fd);
  const into = createWriteStream(to);
  if (size === 0) await new Promise<void>((resolve) => into.end(resolve));
  else await pipeline(createReadStream('', { fd, start: 0, end: size - 1, autoClose: false }), into);
}

function unlessGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
