import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Waits until the bytes of a written file are on the disk. */
export function makeDurable(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
