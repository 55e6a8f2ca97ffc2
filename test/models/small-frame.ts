import type { TrainingFrame } from '../../src/training/training-frame.ts';

const fraction = (value: number): number => value - Math.floor(value);

/**
 * 400 rows by additive recurrences, the same in every language: a number, a number with gaps, a category of six, and
 * labels that depend on all three.
 */
export function smallFrame(): TrainingFrame {
  const rows = Array.from({ length: 400 }, (_, at) => {
    const i = at + 1;
    const number = Math.fround(fraction(i * 0.6180339887498949) * 40 - 10);
    const gaps = i % 7 === 0 ? Number.NaN : Math.fround(fraction(i * 0.7548776662466927));
    const category = (i * 5) % 6;
    const z = 0.08 * number - 1.5 * (Number.isNaN(gaps) ? 0.9 : gaps) + (category === 2 ? 0.4 : 0) - 0.5;
    const label = fraction(i * 0.5698402909980532) < 1 / (1 + Math.exp(-z)) ? 1 : 0;
    return { number, gaps, category, label };
  });
  return {
    names: ['number', 'gaps', 'category'],
    columns: [
      Float32Array.from(rows, ({ number }) => number),
      Float32Array.from(rows, ({ gaps }) => gaps),
      Float32Array.from(rows, ({ category }) => category),
    ],
    labels: Float64Array.from(rows, ({ label }) => label),
  };
}
