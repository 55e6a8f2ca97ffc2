import { readFileSync } from 'node:fs';

/** Ticks a second of `/proc`, the same on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/**
 * CPU seconds of the children of this process that have ended, and of theirs: `cutime` and `cstime` of proc(5); 0 where there is no
 * /proc.
 */
export function childSeconds(): number {
  if (process.platform !== 'linux') return 0;
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_S;
}
