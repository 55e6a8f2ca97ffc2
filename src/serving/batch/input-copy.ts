import { existsSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../../base/is-alive.ts';
import { writing } from './durable-file.ts';

/** A copy of an input, open for one job. */
export interface InputCopy {
  /** A name that no other job uses; the file stays readable until `close`. */
  readonly path: string;
  /** Ends the use of the copy; a finished job removes it, an unfinished one leaves it for the next run. */
  close(isFinished: boolean): void;
}

let opened = 0;

/**
 * Opens the copy `shared`, made by `make` where it is absent. Each job reads it under its own name, a hard link: a job that
 * finishes and removes the copy takes it away from no other. Names of processes that are gone are removed.
 * Errors: PREDICT_FULL, PREDICT_WRITE, those of `make`.
 */
export async function openCopy(shared: string, make: (path: string) => Promise<void>): Promise<InputCopy> {
  const folder = dirname(shared);
  writing(folder, () => mkdirSync(folder, { recursive: true }));
  removeDead(folder);
  opened += 1;
  const own = join(folder, `${process.pid}-${opened}.${basename(shared)}`);
  if (!linked(shared, own)) {
    try {
      await make(own);
    } catch (error) {
      rmSync(own, { force: true });
      throw error;
    }
    // Another job may have made the same copy meanwhile.
    linked(own, shared);
  }
  const close = (isFinished: boolean): void => {
    rmSync(own, { force: true });
    if (isFinished) rmSync(shared, { force: true });
  };
  return { path: own, close };
}

/** Gives a file another name; false: it is absent, or the name is taken. */
function linked(path: string, name: string): boolean {
  return writing(name, () => {
    if (!existsSync(path)) return false;
    try {
      linkSync(path, name);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EEXIST'))
        return false;
      throw error;
    }
  });
}

function removeDead(folder: string): void {
  for (const name of readdirSync(folder)) {
    // `<pid>-<number>.<name>`
    const [owner = ''] = name.split('.');
    const pid = owner.includes('-') ? Number.parseInt(owner, 10) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(folder, name), { force: true });
  }
}
