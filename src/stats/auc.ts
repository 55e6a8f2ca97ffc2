/**
 * Area under the ROC curve: the probability that a positive scores above a negative, ties counted half (the
 * Mann–Whitney statistic by midranks; Hanley and McNeil 1982). Null without both classes, and where a score is NaN.
 * `labels[i]` is 1 or 0 for `scores[i]`.
 */
export function auc(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const n = scores.length;
  for (let i = 0; i < n; i += 1) if (Number.isNaN(scores[i])) return null;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => compare(scores[a], scores[b]));
  let positives = 0;
  let rankSum = 0;
  for (let from = 0; from < n; ) {
    let to = from;
    let hits = 0;
    while (to < n && scores[order[to]] === scores[order[from]]) {
      hits += labels[order[to]];
      to += 1;
    }
    positives += hits;
    rankSum += hits * ((from + to + 1) / 2);
    from = to;
  }
  const negatives = n - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Without a difference, which is no number between equal infinities. */
function compare(a: number, b: number): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}
