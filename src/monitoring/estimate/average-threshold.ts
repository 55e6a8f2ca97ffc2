/**
 * Average thresholded confidence (Garg et al., ICLR 2022): the threshold below which as many reference rows lie as were
 * wrong; the share of a window's rows below it estimates its error. `confidences` are the probability of the predicted
 * class. Null without rows.
 */
export function fitAverageThreshold(
  confidences: ArrayLike<number>,
  wrong: ArrayLike<number>,
): ((window: ArrayLike<number>) => number | null) | null {
  const n = confidences.length;
  if (n === 0) return null;
  let errors = 0;
  for (let i = 0; i < n; i += 1) errors += wrong[i];
  const sorted = Float64Array.from(confidences).sort();
  const at = Math.min(n - 1, errors);
  const threshold = sorted[at];
  // Ties at the threshold count in part, so that the reference's own error is met.
  let below = 0;
  let tied = 0;
  for (const one of sorted) {
    if (one < threshold) below += 1;
    else if (one === threshold) tied += 1;
  }
  const part = (errors - below) / tied;
  return (window) => {
    if (window.length === 0) return null;
    let sum = 0;
    for (let i = 0; i < window.length; i += 1) sum += window[i] < threshold ? 1 : window[i] === threshold ? part : 0;
    return sum / window.length;
  };
}
