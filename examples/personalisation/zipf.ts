/** Draws ranks 0 … n − 1 by Zipf's law of exponent 1, from uniform numbers in [0, 1). */
export function zipf(n: number, uniform: () => number): () => number {
  const cumulative = new Float64Array(n);
  let total = 0;
  for (let i = 0; i < n; i += 1) {
    total += 1 / (i + 1);
    cumulative[i] = total;
  }
  return () => {
    const wanted = uniform() * total;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
