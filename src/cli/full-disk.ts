import { statfsSync } from 'node:fs';
import { fail, type HeadraceError, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';

/** Texts of systems and stores about a write that found no room. */
const NO_ROOM = /ENOSPC|no space left|disk is full/i;

/** A mapped file on a full disk: the write fails as if the disk was broken. */
const BROKEN = /EIO\b|Input\/output error/i;

/** Less room than this is none, bytes. */
const LITTLE = 16 * 2 ** 20;

const MOST_CAUSES = 10;

/** The error of a full disk, where this is one that is not catalogued; null: it is another. */
export function fullDisk(error: unknown): HeadraceError | null {
  if (isHeadraceError(error) || !NO_ROOM.test(reasonOf(error))) return null;
  const path = error instanceof Error && 'path' in error ? String(error.path) : process.cwd();
  return fail('CLI_DISK', { path }, error);
}

/** A line for a catalogued error that a full disk caused; null: nothing says so. */
export function diskLine(error: HeadraceError, free = freeBytes): string | null {
  if (error.code === 'CLI_DISK') return null;
  const texts = causesOf(error).map(reasonOf);
  const isFull =
    texts.some((text) => NO_ROOM.test(text)) || (texts.some((text) => BROKEN.test(text)) && free() < LITTLE);
  return isFull ? 'the disk is full: free some of it, and run the command again' : null;
}

function causesOf(error: unknown): readonly unknown[] {
  const found: unknown[] = [];
  for (let one = error; one instanceof Error && found.length < MOST_CAUSES; one = one.cause) found.push(one);
  return found;
}

/** Free bytes of the disk of this folder. */
function freeBytes(): number {
  const { bavail, bsize } = statfsSync('.');
  return bavail * bsize;
}
