/** Below this a number is as good as none to a reader. */
const LEAST = 1e-6;

/** A number for people, in three significant digits or as many as are known: `4.83`, `0.0021`, `<0.000001`; a dash where there is none. */
export function numberText(value: number | null, digits = 3): string {
  if (value === null) return '–';
  if (value !== 0 && Math.abs(value) < LEAST) return value > 0 ? '<0.000001' : '>-0.000001';
  return Math.abs(value) >= 10 ** digits ? value.toFixed(0) : String(Number(value.toPrecision(digits)));
}
