import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { replaceFile } from '../../files/replace-file.ts';
import type { GangSpec, GangState, TrainingBackend } from '../../ports/training-backend.ts';
import { limited, limitVariables, type ProcessLimits } from './process-limits.ts';
import { RankProcess } from './rank-process.ts';

const recordSchema = z.array(z.object({ pid: z.int().positive(), start: z.string().nullable() }));

/** Variables of this process that ranks inherit: among them those that choose the network of ranks. Others may hold secrets of a server. */
const INHERITED = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'USER',
  'LD_LIBRARY_PATH',
  'PYTHONPATH',
  'VIRTUAL_ENV',
  'NODE_OPTIONS',
  'OMP_NUM_THREADS',
  'CUDA_VISIBLE_DEVICES',
  'GLOO_SOCKET_IFNAME',
  'NCCL_SOCKET_IFNAME',
  'NCCL_IB_HCA',
  'NCCL_DEBUG',
  'FI_PROVIDER',
];

export interface LocalOptions {
  /** Folder of records and logs of gangs. */
  readonly folder: string;
  /** More variables that ranks get. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: ProcessLimits;
  /** Takes every line that a rank prints. */
  readonly onLine?: (line: string, rank: number) => void;
}

interface Gang {
  readonly ranks: readonly RankProcess[];
  readonly oomBefore: number;
}

/** Gangs as processes of this machine. A gang ends with the process that submitted it. */
export class LocalTrainingBackend implements TrainingBackend {
  readonly kind = 'local';
  readonly outlivesSubmitter = false;
  readonly #options: LocalOptions;
  readonly #gangs = new Map<string, Gang>();

  constructor(options: LocalOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  async submit({ id, command, directory, ranks }: GangSpec): Promise<void> {
    if (this.#gangs.has(id) || existsSync(this.#record(id))) return;
    mkdirSync(join(this.#options.folder, id), { recursive: true });
    const rendezvous = { MASTER_ADDR: '127.0.0.1', MASTER_PORT: String(await freePort()) };
    const started: RankProcess[] = [];
    const { limits = {}, onLine } = this.#options;
    try {
      for (const [rank, own] of ranks.entries()) {
        started.push(
          await RankProcess.start({
            command: limited(command, limits),
            directory,
            environment: {
              ...inherited(),
              ...limitVariables(limits),
              ...this.#options.environment,
              ...rendezvous,
              ...own,
            },
            log: this.#log(id, rank),
            onLine: onLine === undefined ? undefined : (line) => onLine(line, rank),
          }),
        );
      }
    } catch (error) {
      for (const rank of started) rank.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
      throw fail('RUN_SUBMIT', { gang: id, reason: reasonOf(error) }, error);
    }
    this.#gangs.set(id, { ranks: started, oomBefore: oomKills() });
    this.#write(
      id,
      started.map(({ pid }) => ({ pid, start: processStart(pid) })),
    );
  }

  async state(id: string): Promise<GangState> {
    const gang = this.#gangs.get(id);
    if (gang === undefined) throw fail('RUN_GANG', { gang: id });
    return {
      ranks: gang.ranks.map(({ state }) => state),
      preempted: false,
      oomKills: oomKills() - gang.oomBefore,
    };
  }

  async signal(id: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    for (const rank of this.#gangs.get(id)?.ranks ?? []) if (rank.state.state === 'running') rank.kill(signal);
  }

  async tail(id: string, rank: number, lines: number): Promise<readonly string[]> {
    const running = this.#gangs.get(id)?.ranks[rank];
    if (running !== undefined) return running.tail(lines);
    if (!existsSync(this.#log(id, rank))) return [];
    return readFileSync(this.#log(id, rank), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .slice(-lines);
  }

  async cancel(id: string): Promise<void> {
    const own = this.#gangs.get(id)?.ranks ?? [];
    for (const rank of own) rank.kill('SIGKILL');
    await Promise.all(own.map(({ ended }) => ended));
    for (const { pid, start } of this.#read(id)) {
      // Another process may have the pid of one that ended. Without a start time the two look alike; the guard has
      // ended the first.
      if (start === null || (processStart(pid) !== null && processStart(pid) !== start)) continue;
      while (groupLives(pid, processes)) {
        try {
          process.kill(-pid, 'SIGKILL');
        } catch {
          break;
        }
        await pause(5);
      }
    }
  }

  async close(): Promise<void> {
    for (const id of this.#gangs.keys()) await this.cancel(id);
  }

  #record(id: string): string {
    return join(this.#options.folder, id, 'processes.json');
  }

  #log(id: string, rank: number): string {
    return join(this.#options.folder, id, `rank-${rank}.log`);
  }

  #write(id: string, record: z.output<typeof recordSchema>): void {
    replaceFile(this.#record(id), JSON.stringify(record));
  }

  #read(id: string): z.output<typeof recordSchema> {
    try {
      return recordSchema.parse(JSON.parse(readFileSync(this.#record(id), 'utf8')));
    } catch {
      return [];
    }
  }
}

function inherited(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** A port of the loopback that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function processes(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

/** Kills for memory that the cgroup of this process has counted; 0 where it keeps no count. */
function oomKills(): number {
  for (const path of ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control']) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
    } catch {
      // The other version of cgroups, or none.
    }
  }
  return 0;
}

/** When a process started, in ticks since the machine did; null: it is gone. A pid with another start is another process. */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may have blanks and brackets: fields count from the last bracket. A zombie has ended.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** Whether any process of a group lives; zombies that wait for their parent do not count. */
function groupLives(group: number, members: () => readonly string[]): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return members().some((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[2] === String(group) && fields[0] !== 'Z';
    } catch {
      return false;
    }
  });
}
