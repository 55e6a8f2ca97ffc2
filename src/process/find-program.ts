import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** The file that the system would start for a name, by the PATH of its environment; null: it finds none that can run. */
export function findProgram(name: string, path = process.env['PATH'] ?? '', cwd = process.cwd()): string | null {
  if (name === '') return null;
  if (name.includes('/')) return canRun(resolve(cwd, name)) ? name : null;
  const found = path
    .split(delimiter)
    .map((folder) => join(folder === '' ? cwd : folder, name))
    .find(canRun);
  return found ?? null;
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
