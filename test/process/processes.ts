import { execFileSync } from 'node:child_process';

/** A process as the system lists it. */
export interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All processes that run; those that have ended and wait for their parent are left out. */
export function listed(): readonly Listed[] {
  const text = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return text.split('\n').flatMap((line) => {
    const [, pid, parent, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined || state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

/** Everything that a process started, and what that started. */
export function descendants(of: number, all: readonly Listed[] = listed()): readonly Listed[] {
  const own = all.filter(({ parent }) => parent === of);
  return own.flatMap((one) => [one, ...descendants(one.pid, all)]);
}
