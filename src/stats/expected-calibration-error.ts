/**
 * The mean gap of probability and share of positives over `bins` groups of equal count by ascending probability; the last
 * group takes the rest (Naeini et al. 2015, as NannyML groups). Null with fewer rows than groups or a NaN.
 */
export function expectedCalibrationError(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins = 10,
): number | null {
  const n = probabilities.length;
  const width = Math.floor(n / bins);
  if (width === 0) return null;
  for (let i = 0; i < n; i += 1) if (Number.isNaN(probabilities[i])) return null;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => probabilities[a] - probabilities[b]);
  let sum = 0;
  for (let bin = 0; bin < bins; bin += 1) {
    const from = bin * width;
    const to = bin === bins - 1 ? n : from + width;
    let gap = 0;
    for (let i = from; i < to; i += 1) gap += probabilities[order[i]] - labels[order[i]];
    sum += Math.abs(gap) / n;
  }
  return sum;
}
