import type { TestModule } from 'vitest/node';

/** What a file spent, CPU seconds. */
export interface Spent {
  readonly file: string;
  readonly pid: number;
  /** What its process had spent before it: for the first file of a process, the start of a worker. */
  readonly beforeS: number;
  readonly ownS: number;
  /** Of the processes that it started and that have ended. */
  readonly childrenS: number;
}

/** What files may spend, in starts of a worker: a slow machine takes longer for both. */
export interface CpuBudgets {
  readonly starts: number;
  /** Files that may spend more. */
  readonly larger: Readonly<Record<string, number>>;
}

/**
 * A start is 0.17 to 0.25 CPU s, and 0.3 on a busy machine: 160 of them are 30 to 50 s. Those that may spend more open many environments, start many programs
 * or install the package; each has about twice what it spends.
 */
export const cpuBudgets: CpuBudgets = {
  starts: 160,
  larger: {
    'test/cli/dev.test.ts': 250,
    'test/ground/package.test.ts': 450,
    'test/migrate/migrate.test.ts': 250,
  },
};

/** Files that a run names. */
const DEAREST = 10;

export function spentOf(modules: readonly TestModule[]): readonly Spent[] {
  return modules.flatMap((module) => {
    const { cpu } = module.meta();
    return cpu === undefined ? [] : [{ file: module.relativeModuleId, ...cpu }];
  });
}

/** The yardstick of a run: the median of what its workers spent until their first file. */
export function startSeconds(spent: readonly Spent[]): number {
  const starts = new Map<number, number>();
  for (const { pid, beforeS } of spent) starts.set(pid, Math.min(beforeS, starts.get(pid) ?? beforeS));
  const sorted = [...starts.values()].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** One line for each file that spent more than its budget. */
export function overBudget(spent: readonly Spent[], { starts, larger }: CpuBudgets): readonly string[] {
  const startS = startSeconds(spent);
  return spent.flatMap((one) => {
    const budget = larger[one.file] ?? starts;
    const used = secondsOf(one) / startS;
    if (used <= budget) return [];
    const spentText = `${secondsOf(one).toFixed(1)} CPU s, ${Math.round(used)} starts of a worker of ${startS.toFixed(2)} s`;
    return `${one.file} spends ${spentText}; its budget is ${budget} (test/cpu-budgets.ts)`;
  });
}

/** The sum of a run, and its dearest files. */
export function sumOf(spent: readonly Spent[], runnerS: number): readonly string[] {
  const files = spent.reduce((sum, one) => sum + secondsOf(one), 0);
  const workers = new Set(spent.map(({ pid }) => pid)).size;
  const starts = workers * startSeconds(spent);
  return [
    `CPU: ${files.toFixed(0)} s in ${spent.length} files, ${starts.toFixed(0)} s in ${workers} starts of workers, ${runnerS.toFixed(0)} s in the runner`,
    ...[...spent]
      .sort((a, b) => secondsOf(b) - secondsOf(a))
      .slice(0, DEAREST)
      .map((one) => `${secondsOf(one).toFixed(1).padStart(8)} s ${one.file}`),
  ];
}

function secondsOf({ ownS, childrenS }: Spent): number {
  return ownS + childrenS;
}
