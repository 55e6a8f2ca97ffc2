/** P(K > x) of Kolmogorov's limit distribution: the theta series below 1, the alternating series above. */
export function kolmogorovSf(x: number): number {
  if (x <= 0) return 1;
  let sum = 0;
  if (x < 1) {
    for (let k = 1; k < 1000; k += 2) {
      const term = Math.exp((-k * k * Math.PI * Math.PI) / (8 * x * x));
      sum += term;
      if (term <= sum * 1e-18) break;
    }
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  for (let k = 1; k < 100; k += 1) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term <= sum * 1e-18) break;
  }
  return Math.min(1, 2 * sum);
}

/** The x with P(K > x) = p, by bisection; infinite at 0. */
export function kolmogorovQuantile(p: number): number {
  if (p <= 0) return Number.POSITIVE_INFINITY;
  if (p >= 1) return 0;
  let low = 0;
  let high = Math.max(1, Math.sqrt(Math.log(2 / p) / 2) + 1);
  for (let step = 0; step < 200 && high - low > low * 1e-16; step += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (kolmogorovSf(middle) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
