import { resolve } from 'node:path';

/** Takes the directory of an environment out of a text that leaves the server: its paths begin below that. */
export function hidingPaths(directory: string): (text: string) => string {
  const absolute = JSON.stringify(`${resolve(directory)}/`).slice(1, -1);
  return (text) => text.replaceAll(absolute, '');
}
