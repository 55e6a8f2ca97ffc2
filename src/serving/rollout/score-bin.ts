const view = new DataView(new ArrayBuffer(8));

/** Bins of a probability: half a percent each. */
const PROBABILITY_BINS = 200;

/**
 * The bin of a finite score, ascending with it: of a probability by half percents, of another number by its sign,
 * exponent and three bits of its fraction, so eight bins to an octave.
 */
export function scoreBin(score: number, task: 'binary' | 'regression'): number {
  if (task === 'binary') return Math.floor(Math.min(1, Math.max(0, score)) * PROBABILITY_BINS);
  view.setFloat64(0, Math.abs(score));
  const magnitude = view.getUint32(0) >>> 17;
  return score < 0 ? -magnitude : magnitude;
}
