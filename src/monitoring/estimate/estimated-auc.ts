/**
 * The expected ROC curve's area from calibrated probabilities, rows in order of their raw score (NannyML's CBPE,
 * reproduced to 1e-12: cumulative counts are rounded to five decimals). Null where one class has no mass.
 */
export function estimatedAuc(scores: ArrayLike<number>, probabilities: ArrayLike<number>): number | null {
  const { tps, fps, n } = cumulative(scores, probabilities);
  const [positives, negatives] = [tps[n], fps[n]];
  if (!(positives > 0 && negatives > 0)) return null;
  let area = 0;
  for (let i = 1; i <= n; i += 1) area += (fps[i] - fps[i - 1]) * (tps[i] + tps[i - 1]);
  return area / 2 / positives / negatives;
}

function cumulative(
  scores: ArrayLike<number>,
  probabilities: ArrayLike<number>,
): { readonly tps: Float64Array; readonly fps: Float64Array; readonly n: number } {
  const n = scores.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const tps = new Float64Array(n + 1);
  const fps = new Float64Array(n + 1);
  let sum = 0;
  order.forEach((row, i) => {
    sum += probabilities[row];
    tps[i + 1] = Math.round(sum * 1e5) / 1e5;
    fps[i + 1] = Math.round((i + 1 - sum) * 1e5) / 1e5;
  });
  return { tps, fps, n };
}
