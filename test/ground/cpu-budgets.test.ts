import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';
import { cpuBudgets, overBudget, type Spent, startSeconds } from '../cpu-budgets.ts';

/** A file that is the first of its worker, which starts in 0.2 s on this machine; `slower` machines take longer for both. */
function first(file: string, pid: number, seconds: number, slower = 1): Spent {
  return { file, pid, beforeS: 0.2 * slower, ownS: 0.75 * seconds * slower, childrenS: 0.25 * seconds * slower };
}

test('the yardstick is the median start of the workers, whatever later files of a worker begin with', () => {
  const later = { ...first('e', 1, 1), beforeS: 30 };
  const slow = { ...first('c', 3, 1), beforeS: 9 };
  expect(startSeconds([later, first('a', 1, 1), first('b', 2, 1), slow])).toBeCloseTo(0.2);
});

test('a file is judged by the yardstick of its run: on a machine ten times as slow the same files are over', () => {
  const budgets = { starts: 10, larger: { large: 40 } };
  for (const slower of [1, 10]) {
    const run = [first('small', 1, 1.9, slower), first('dear', 2, 2.1, slower), first('large', 3, 7.9, slower)];
    expect(overBudget(run, budgets).map((line) => line.split(' ')[0])).toEqual(['dear']);
  }
});

test('every file that has a larger budget is there and has more than the others', () => {
  for (const [file, starts] of Object.entries(cpuBudgets.larger)) {
    expect(existsSync(`${root}/${file}`), file).toBe(true);
    expect(starts, file).toBeGreaterThan(cpuBudgets.starts);
  }
});
