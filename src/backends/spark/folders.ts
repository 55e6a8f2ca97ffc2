import { resolve } from 'node:path';

/** The folder of computed results until they are taken; absolute: machines of a cluster reach it under this name. */
export function historyFolder(directory: string): string {
  return resolve(directory, 'spark');
}

/** The folder of streaming jobs; absolute: machines of a cluster reach it under this name. */
export function tileJobsFolder(directory: string): string {
  return resolve(directory, 'spark-tiles');
}
