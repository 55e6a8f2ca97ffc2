import { cpus, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A machine is quiet when others take less than this many cores. */
const QUIET_CORES = 0.2;
const LOOK_MS = 3_000;

/** Waits until the machine is quiet, at most this long; the cores that others took at last. */
export async function quietMachine(longestMs: number): Promise<number> {
  const end = Date.now() + longestMs;
  for (;;) {
    const cores = await coresTaken();
    if (cores < QUIET_CORES || Date.now() > end) return cores;
  }
}

/** The cores that are busy now, while this process waits. */
async function coresTaken(): Promise<number> {
  const before = times();
  await sleep(LOOK_MS);
  const after = times();
  const all = after.all - before.all;
  return all === 0 ? 0 : ((all - (after.idle - before.idle)) / all) * cpus().length;
}

function times(): { readonly idle: number; readonly all: number } {
  let idle = 0;
  let all = 0;
  for (const { times: one } of cpus()) {
    idle += one.idle;
    all += one.user + one.nice + one.sys + one.irq + one.idle;
  }
  return { idle, all };
}

/** What figures depend on. */
export function machine(): string {
  const models = [...new Set(cpus().map(({ model }) => model.trim()))].join(', ');
  return `${cpus().length} × ${models}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}
