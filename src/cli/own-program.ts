import { fileURLToPath } from 'node:url';

/** The command that starts this Headrace again: its Node, with the options of its own, and its command line. */
export function ownProgram(): [string, ...string[]] {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return [process.execPath, ...process.execArgv, fileURLToPath(new URL(`./main${ending}`, import.meta.url))];
}
