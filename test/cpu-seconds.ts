// biome-ignore-all lint/correctness/noEmptyPattern: Vitest reads the fixtures of a hook from its pattern
import { afterAll } from 'vitest';
import { childSeconds } from '../scripts/child-seconds.ts';

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
