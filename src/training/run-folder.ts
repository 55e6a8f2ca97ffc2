import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * Makes the folder of a new training, `<name>-<instant in base 36>`. Each training has its own: of several that begin in one
 * millisecond, in one process or in several, the later ones have the next free instant.
 */
export function newRunFolder(runs: string, name: string, now: number): string {
  mkdirSync(runs, { recursive: true });
  for (let at = now; ; at += 1) {
    const folder = resolve(runs, `${name}-${at.toString(36)}`);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

/** The instant in the name of a training's folder. */
export function stampOf(folder: string): number {
  return Number.parseInt(folder.slice(folder.lastIndexOf('-') + 1), 36);
}
