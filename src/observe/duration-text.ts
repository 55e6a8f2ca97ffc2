import { numberText } from '../base/number-text.ts';
/** A duration in the unit that suits it: `840 µs`, `12.3 ms`, `4.2 s`, `1.1 h`. */
export function durationText(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1) return `${round(ms * 1_000)} µs`;
  if (ms < 1_000) return `${round(ms)} ms`;
  if (ms < 120_000) return `${round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${round(ms / 3_600_000)} h` : `${round(ms / 86_400_000)} d`;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : numberText(value);
}
