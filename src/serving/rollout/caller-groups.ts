import { partitionOf } from '../../base/hash/partition-of.ts';
import type { GroupSums } from '../../stats/grouped-mean.ts';

/** Groups of callers: enough to see how much callers differ, in memory that does not grow with them. */
const CALLER_GROUPS = 64;

/** The group of a caller, the same in every process. */
export function callerGroup(key: string): number {
  return partitionOf(`groups/${key}`, CALLER_GROUPS);
}

/** Size and sum of values by group of callers. Hot path. */
export class CallerGroups {
  #sums: number[] = [];

  /** `group`: null where the caller is unknown. */
  add(group: number | null, value: number): void {
    if (group === null) return;
    if (this.#sums.length === 0) this.#sums = new Array(2 * CALLER_GROUPS).fill(0);
    this.#sums[2 * group] += 1;
    this.#sums[2 * group + 1] += value;
  }

  sums(): number[] {
    return [...this.#sums];
  }
}

export function mergeGroups(a: GroupSums, b: GroupSums): number[] {
  const [long, short] = a.length < b.length ? [b, a] : [a, b];
  return long.map((value, i) => value + (short[i] ?? 0));
}
