// biome-ignore-all lint/correctness/noEmptyPattern: Vitest reads the fixtures of a hook from its pattern
import { readFileSync } from 'node:fs';
import { afterAll } from 'vitest';

/** Ticks a second of `/proc`, the same on every Linux that Node runs on. */
const TICKS_PER_S = 100;

declare module 'vitest' {
  interface TaskMeta {
    /** What a file spent, where it ran to its end. */
    cpu?: { readonly pid: number; readonly beforeS: number; readonly ownS: number; readonly childrenS: number };
  }
}

const [before, beforeChildren] = [ownSeconds(), childSeconds()];

afterAll(({}, suite) => {
  const [ownS, childrenS] = [ownSeconds() - before, childSeconds() - beforeChildren];
  suite.file.meta.cpu = { pid: process.pid, beforeS: before, ownS, childrenS };
});

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds of the children that have ended, and of theirs: `cutime` and `cstime` of proc(5); 0 where there is no /proc. */
function childSeconds(): number {
  if (process.platform !== 'linux') return 0;
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_S;
}
