/**
 * The most frequent texts of a stream (Misra and Gries 1982, in the form of DataSketches): a count is at most `offset`
 * below the true one, and a text that is not held came at most `offset` times. Exact while the texts are few.
 */
export interface FrequentItems {
  readonly most: number;
  n: number;
  offset: number;
  readonly counts: Map<string, number>;
}

/** Holds between half of `most` and `most` texts. */
export function createFrequentItems(most: number): FrequentItems {
  return { most, n: 0, offset: 0, counts: new Map() };
}

export function addFrequent(held: FrequentItems, text: string, weight = 1): void {
  held.n += weight;
  held.counts.set(text, (held.counts.get(text) ?? 0) + weight);
  if (held.counts.size > held.most) purge(held);
}

export function mergeFrequent(held: FrequentItems, added: FrequentItems): void {
  held.n += added.n;
  held.offset += added.offset;
  for (const [text, count] of added.counts) held.counts.set(text, (held.counts.get(text) ?? 0) + count);
  while (held.counts.size > held.most) purge(held);
}

/** Takes the median count off every text: half of them at least go. */
function purge(held: FrequentItems): void {
  const sorted = Float64Array.from(held.counts.values()).sort();
  const median = sorted[sorted.length >> 1];
  held.offset += median;
  for (const [text, count] of held.counts) {
    if (count <= median) held.counts.delete(text);
    else held.counts.set(text, count - median);
  }
}
