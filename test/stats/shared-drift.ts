import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const folder = new URL('../../../shared/data/drift/', import.meta.url);

/** Whether the files with known answers are there. */
export const sharedDrift = existsSync(folder);

/** A JSON file of known answers; infinities are written as texts in it. */
export function driftJson<T>(path: string): T {
  return JSON.parse(driftText(path), (_, value) =>
    value === 'Infinity' ? Number.POSITIVE_INFINITY : value === '-Infinity' ? Number.NEGATIVE_INFINITY : value,
  );
}

/** A file as text, unpacked when it ends in .gz. */
export function driftText(path: string): string {
  return driftBytes(path).toString('utf8');
}

export function driftBytes(path: string): Buffer {
  const bytes = readFileSync(new URL(path, folder));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** Where the file is. */
export function driftPath(path: string): string {
  return new URL(path, folder).pathname;
}

/** Relative difference; absolute below 1e-300. */
export function off(ours: number, theirs: number): number {
  if (ours === theirs) return 0;
  return Math.abs(ours - theirs) / Math.max(Math.abs(theirs), 1e-300);
}
