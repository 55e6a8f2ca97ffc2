/**
 * Area under the ROC curve: the probability that a positive scores above a negative, ties counted half (the
 * Mann–Whitney statistic by midranks). Null without both classes. `labels[i]` is 1 or 0 for `scores[i]`.
 */
export function auc(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const n = scores.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[a] - scores[b]);
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
