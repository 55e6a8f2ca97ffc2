/** Seconds that each step took, by its name. */
export type Times = Readonly<Record<string, number>>;

/**
 * Seconds that these steps still need. A step that the last proof knows takes as long as then, times how much longer the steps
 * of this run took than in that proof; another takes the mean of those of this run. Null where nothing is known of a step.
 */
export function remainingSeconds(left: readonly string[], proven: Times, taken: Times): number | null {
  const both = Object.keys(taken).filter((name) => (proven[name] ?? 0) > 0);
  const pace =
    both.length === 0 ? 1 : sum(both.map((name) => taken[name] ?? 0)) / sum(both.map((name) => proven[name] ?? 0));
  const known = Object.values(taken).length > 0 ? Object.values(taken) : Object.values(proven);
  const other = known.length === 0 ? null : sum(known) / known.length;
  return left.reduce<number | null>((total, name) => {
    const before = proven[name];
    const one = before === undefined ? other : before * pace;
    return total === null || one === null ? null : total + one;
  }, 0);
}

/** How long the rest of a lane takes, for people. */
export function remainingText(seconds: number | null): string {
  return seconds === null ? 'how long it takes is not known' : `about ${Math.ceil(seconds / 60)} min left`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
