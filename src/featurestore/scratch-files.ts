import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '../process/temporary-folder.ts';

/** Files of one piece of work. They are next to the history, or in a temporary folder where it has no place there. */
export class ScratchFiles {
  readonly #prefix: string;
  readonly #folder: TemporaryFolder | null;
  readonly #paths: string[] = [];

  /** `prefix`: of the paths, without which they are in a temporary folder; `name`: of the work. */
  constructor(prefix: string | undefined, name: string) {
    this.#folder = prefix === undefined ? temporaryFolder(`headrace-${name}-`) : null;
    this.#prefix = this.#folder === null ? `${prefix}` : join(this.#folder.path, name);
  }

  /** The path of one more file. */
  next(ending: string): string {
    const path = `${this.#prefix}.${this.#paths.length}.${ending}`;
    this.#paths.push(path);
    return path;
  }

  /** Removes the files that are there. */
  remove(): void {
    for (const path of this.#paths) rmSync(path, { force: true });
    this.#folder?.remove();
  }
}
