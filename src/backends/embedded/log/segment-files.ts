import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

const SEGMENT = /^(\d{16})\.log$/;

/** The file of the segment whose first record is at `base`. */
export function segmentFile(base: number): string {
  return `${String(base).padStart(16, '0')}.log`;
}

/** Where the first record of a segment is, by the name of its file; null: it is no segment's. */
export function baseOf(file: string): number | null {
  const digits = SEGMENT.exec(basename(file))?.[1];
  return digits === undefined ? null : Number(digits);
}

/** The segments of the log in a directory, as paths within it, in order. */
export function segmentsOf(path: string): readonly string[] {
  return filesOf(join(path, 'topics'), (file) => baseOf(file) !== null).map((file) => join('topics', file));
}

/** Whether the log in a directory has, or ever had, an event: the first segment of a partition is empty until one comes. */
export function hasEvents(path: string): boolean {
  return segmentsOf(path).some((file) => baseOf(file) !== 0 || statSync(join(path, file)).size > 0);
}

/** The files anywhere below a directory that are wanted, as paths within it, in order. */
export function filesOf(path: string, isWanted: (file: string) => boolean): readonly string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).filter(isWanted).sort();
}
