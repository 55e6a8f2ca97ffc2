/** From here on seven terms of Stirling's series are exact to a double. */
const STIRLING_FROM = 15;

/** Coefficients of 1/x, 1/x³ … in Stirling's series: B(2k) / (2k (2k − 1)), DLMF 5.11.1. */
const SERIES = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360_360, 1 / 156];

/** Half the logarithm of 2π. */
const HALF_LOG_TWO_PI = 0.9189385332046728;

/** The natural logarithm of Γ(x) for x > 0; NaN elsewhere. Relative error below 1e-14. */
export function logGamma(x: number): number {
  if (!(x > 0)) return Number.NaN;
  // Γ(x) = Γ(x + n) / (x (x + 1) … (x + n − 1)).
  let product = 1;
  let shifted = x;
  while (shifted < STIRLING_FROM) {
    product *= shifted;
    shifted += 1;
  }
  const square = 1 / (shifted * shifted);
  let tail = 0;
  for (let i = SERIES.length - 1; i >= 0; i -= 1) tail = tail * square + SERIES[i];
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TWO_PI + tail / shifted - Math.log(product);
}

/** The natural logarithm of the beta function B(a, b) for a, b > 0. */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}
