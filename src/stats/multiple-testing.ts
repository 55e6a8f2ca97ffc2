export type Adjustment = 'benjamini-hochberg' | 'benjamini-yekutieli' | 'bonferroni' | 'holm';

/**
 * p-values adjusted for looking many times, in the order given: reject where adjusted ≤ α. Benjamini–Hochberg 1995 and
 * Benjamini–Yekutieli 2001 keep the share of false findings, Bonferroni and Holm 1979 the chance of any. NaN counts as 1.
 */
export function adjustedP(p: readonly number[], adjustment: Adjustment): readonly number[] {
  const safe = p.map((value) => (Number.isNaN(value) ? 1 : Math.min(1, Math.max(0, value))));
  const n = safe.length;
  const order = safe.map((_, i) => i).sort((a, b) => safe[a] - safe[b]);
  const adjusted = new Array<number>(n).fill(1);
  if (adjustment === 'bonferroni') return safe.map((value) => Math.min(1, value * n));
  if (adjustment === 'holm') {
    let least = 0;
    order.forEach((at, rank) => {
      least = Math.max(least, Math.min(1, safe[at] * (n - rank)));
      adjusted[at] = least;
    });
    return adjusted;
  }
  const harmonic = adjustment === 'benjamini-yekutieli' ? safe.reduce((sum, _, i) => sum + 1 / (i + 1), 0) : 1;
  let most = 1;
  for (let rank = n; rank >= 1; rank -= 1) {
    const at = order[rank - 1];
    most = Math.min(most, (safe[at] * n * harmonic) / rank);
    adjusted[at] = most;
  }
  return adjusted;
}
