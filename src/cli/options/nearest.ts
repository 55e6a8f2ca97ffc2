/** Names with slips that are shown at most. */
const MOST = 3;

/** The known names that somebody may have meant: with the fewest slips, at most one for every three letters, then all that begin so. */
export function nearest(word: string, known: readonly string[]): readonly string[] {
  if (word === '') return [];
  const most = Math.max(1, Math.floor(word.length / 3));
  const alike = known
    .map((name) => ({ name, slips: slipsBetween(word, name) }))
    .filter(({ slips }) => slips <= most)
    .sort((a, b) => a.slips - b.slips)
    .slice(0, MOST)
    .map(({ name }) => name);
  return [...new Set([...alike, ...known.filter((name) => name.startsWith(word))])];
}

/** Letters put in, left out, changed, or swapped with their neighbour (the restricted Damerau-Levenshtein distance). */
export function slipsBetween(a: string, b: string): number {
  let before: readonly number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(last[j] + 1, row[j - 1] + 1, change, swapped ? before[j - 2] + 1 : Number.POSITIVE_INFINITY));
    }
    before = last;
    last = row;
  }
  return last[b.length];
}
