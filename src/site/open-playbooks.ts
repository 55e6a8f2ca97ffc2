import { fileURLToPath } from 'node:url';

/** The program that the embedded trainers run in. */
export function trainerProgram(): readonly [string, ...string[]] {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return [process.execPath, fileURLToPath(new URL(`./train-worker${ending}`, import.meta.url))];
}
