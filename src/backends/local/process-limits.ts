import { readFileSync } from 'node:fs';

/** Bounds of each rank, so that it leaves the machine to others. */
export interface ProcessLimits {
  /** 0 to 19: the larger, the less of a busy processor it gets. */
  readonly nice?: number | undefined;
  /** `idle`: it reads and writes while nobody else does. */
  readonly disk?: 'normal' | 'idle' | undefined;
  /** Processors that it may run on: the last ones of the machine. */
  readonly cores?: number | undefined;
  /** The most data memory, bytes (RLIMIT_DATA). */
  readonly memoryBytes?: number | undefined;
}

/** The command with its limits before it. `nice`, `ionice` and `taskset` replace themselves by the program, which keeps their pid. */
export function limited(command: readonly [string, ...string[]], limits: ProcessLimits): [string, ...string[]] {
  const { nice = 0, disk = 'normal', cores } = limits;
  const allowed = allowedCores();
  const words = [
    ...(nice > 0 ? ['nice', '-n', String(nice)] : []),
    ...(disk === 'idle' ? ['ionice', '-c', '3'] : []),
    ...(cores !== undefined && cores < allowed.length ? ['taskset', '-c', allowed.slice(-cores).join(',')] : []),
  ];
  const [program, ...args] = [...words, ...command];
  return [program ?? command[0], ...args];
}

/** Variables that go with the limits: the shell of the rank sets its memory, libraries read the number of threads. */
export function limitVariables({ cores, memoryBytes }: ProcessLimits): Readonly<Record<string, string>> {
  return {
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
