/** One number of a tool next to ours, under the tool's own scope. `reason` says why they differ; empty if they do not. */
export interface ParityRow {
  readonly tool: string;
  readonly file: string;
  readonly what: string;
  readonly expected: number | string | null;
  readonly ours: number | string | null;
  readonly equal: boolean;
  readonly reason: string;
}

/** The row of a number; equal within so much. */
export function numberRow(
  tool: string,
  file: string,
  what: string,
  expected: number | null,
  ours: number | null,
  within: number,
  reason: string,
): ParityRow {
  const equal = expected === null || ours === null ? expected === ours : Math.abs(expected - ours) <= within;
  return { tool, file, what, expected, ours, equal, reason: equal ? '' : reason };
}

export const ROUNDING = 'HTA rounds nanosecond traces (start up, end down); so rounded, ours is equal';
