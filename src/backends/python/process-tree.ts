import { readdir, readFile } from 'node:fs/promises';

const KIB = 1_024;

/** A process with its descendants. */
export interface ProcessTree {
  readonly pids: readonly number[];
  /** Memory that they have in RAM together. */
  readonly bytes: number;
}

/** The tree below a process, as far as the system shows it; empty where it does not. */
export async function processTree(pid: number): Promise<ProcessTree> {
  if (process.platform !== 'linux') return { pids: [], bytes: 0 };
  const pids: number[] = [];
  let bytes = 0;
  for (let waiting = [pid]; waiting.length > 0; ) {
    const [one = 0] = waiting.splice(0, 1);
    if (pids.includes(one)) continue;
    const status = await readFile(`/proc/${one}/status`, 'latin1').catch(() => null);
    if (status === null) continue;
    pids.push(one);
    bytes += Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0) * KIB;
    waiting.push(...(await childrenOf(one)));
  }
  return { pids, bytes };
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'latin1').catch(() => '')),
  );
  return lists
    .join(' ')
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

/** Times that a tree is read again: each time what it grew meanwhile. */
const MOST_ROUNDS = 20;

/** Kills a process and its descendants. They are stopped first, so that none escapes by a fork. */
export async function killTree(pid: number): Promise<void> {
  const stopped = new Set<number>();
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const fresh = (await processTree(pid)).pids.filter((one) => !stopped.has(one));
    if (fresh.length === 0) break;
    for (const one of fresh) {
      signal(one, 'SIGSTOP');
      stopped.add(one);
    }
  }
  // Its process group, where the system shows no tree.
  signal(-pid, 'SIGKILL');
  for (const one of [...stopped].reverse()) signal(one, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** Kills every process whose environment has a mark: what a worker that has ended left behind. */
export async function killMarked(mark: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const names = await readdir('/proc').catch(() => []);
  await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(async (name) => {
        const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
        if (environment.split('\0').includes(mark)) signal(Number(name), 'SIGKILL');
      }),
  );
}
