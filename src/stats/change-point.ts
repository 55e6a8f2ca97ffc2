/**
 * Where the mean of a series changed: the index of the first value after the change, by least squares for one change (Hinkley
 * 1970): the cut with the largest n₁·n₂/n·(mean₁ − mean₂)². At least `least` values are on each side; null: there are too few.
 */
export function changePoint(values: ArrayLike<number>, least = 5): number | null {
  const n = values.length;
  let total = 0;
  for (let i = 0; i < n; i += 1) total += values[i];
  let best: number | null = null;
  let most = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let cut = 1; cut < n; cut += 1) {
    sum += values[cut - 1];
    if (cut < least || n - cut < least) continue;
    const gap = sum / cut - (total - sum) / (n - cut);
    const gain = ((cut * (n - cut)) / n) * gap * gap;
    if (gain <= most) continue;
    most = gain;
    best = cut;
  }
  return best;
}
