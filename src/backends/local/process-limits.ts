import { readFileSync } from 'node:fs';

/** Bounds of each rank, so that it leaves the machine to others. */
export interface ProcessLimits {
  /** 0 to 19: the larger, the less of a busy processor it gets. */
  readonly nice?: number | undefined;
  /** `idle`: it computes while nobody else does. */
  readonly cpu?: 'normal' | 'idle' | undefined;
  /** `idle`: it reads and writes while nobody else does. */
  readonly disk?: 'normal' | 'idle' | undefined;
  /** Processors that it may run on: the last ones of the machine. */
  readonly cores?: number | undefined;
  /** The most data memory, bytes (RLIMIT_DATA). */
  readonly memoryBytes?: number | undefined;
}

/** The command with its limits before it. `nice`, `chrt`, `ionice` and `taskset` replace themselves by the program, which keeps their pid. */
export function limited(command: readonly [string, ...string[]], limits: ProcessLimits): [string, ...string[]] {
  const { nice = 0, cpu = 'normal', disk = 'normal', cores } = limits;
  const allowed = allowedCores();
  const words = [
    ...(nice > 0 ? ['nice', '-n', String(nice)] : []),
    ...(cpu === 'idle' ? ['chrt', '--idle', '0'] : []),
    ...(disk === 'idle' ? ['ionice', '-c', '3'] : []),
    ...(cores !== undefined && cores < allowed.length ? ['taskset', '-c', allowed.slice(-cores).join(',')] : []),
  ];
  const [program, ...args] = [...words, ...command];
  return [program ?? command[0], ...args];
}

/** The least priority of a session. */
const LAST = 19;

/**
 * Variables that go with the limits: the shell of the rank sets its memory and the priority of its session, libraries read the number of
 * threads. Each rank has its own session. Where Linux schedules by sessions (sched(7), autogroup), `nice` and the idle policy only count
 * within one: a rank of nice 19 gets as much as a server of another session.
 */
export function limitVariables({ cpu, cores, memoryBytes }: ProcessLimits): Readonly<Record<string, string>> {
  return {
    ...(cpu === 'idle' ? { HEADRACE_SESSION_NICE: String(LAST) } : {}),
    ...(cores === undefined ? {} : { OMP_NUM_THREADS: String(cores) }),
    ...(memoryBytes === undefined ? {} : { HEADRACE_MEMORY_KB: String(Math.floor(memoryBytes / 1024)) }),
  };
}

/** Processors that this process may use; none where the system does not say. */
function allowedCores(): readonly number[] {
  try {
    const [, list = ''] = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return list.split(',').flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
  } catch {
    return [];
  }
}
