import { randomUUID } from 'node:crypto';
import { createWriteStream, readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fail } from '../../base/errors/fail.ts';
import { isAlive } from '../../base/is-alive.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { PythonVersion } from '../../ports/python-runtime.ts';

/** The folder of one worker: the files of its version, and a home for whatever it writes. */
export interface ModelFolder {
  readonly path: string;
  readonly model: string;
  readonly home: string;
  remove(): Promise<void>;
}

/** Writes the files of a version into a new folder below `directory`. Errors: PYTHON_FLAVOR, those of the artefacts. */
export async function makeModelFolder(
  directory: string,
  { model, version, files }: PythonVersion,
  artifacts: ArtifactStore,
): Promise<ModelFolder> {
  const folder = resolve(directory, `${process.pid}-${randomUUID()}`);
  const [into, home] = [join(folder, 'model'), join(folder, 'home')];
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(directory, { recursive: true });
    await mkdir(folder, { mode: 0o700 });
    await mkdir(home, { mode: 0o700 });
    for (const { path, digest } of files) {
      const to = resolve(into, path);
      if (!to.startsWith(into + sep))
        throw fail('PYTHON_FLAVOR', { model, version, reason: `its file '${path}' is outside its folder` });
      await mkdir(dirname(to), { recursive: true });
      await pipeline(Readable.from(await artifacts.read(digest)), createWriteStream(to, { mode: 0o400, flags: 'wx' }));
    }
    return { path: folder, model: into, home, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Removes the remains of dead processes below a folder: names begin with the process id, with or without `making-`. */
export async function clearFolders(directory: string): Promise<void> {
  let names: readonly string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    const pid = Number(/^(?:making-)?(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (!isAlive(pid)) await rm(join(directory, name), { recursive: true, force: true });
  }
}
