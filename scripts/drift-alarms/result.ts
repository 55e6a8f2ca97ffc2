import type { Looks } from './looks.ts';
import type { Cell } from './quarter.ts';

/** What a simulation of one cell found. */
export interface CellResult {
  readonly seed: number;
  readonly sizes: Sizes;
  readonly cell: Cell;
  /** Different windows that quarters draw from. */
  readonly pool: number;
  /** Pages of the default, by quarter. */
  readonly pages: readonly number[];
  /** Windows beyond psi>0.2, of all quarters. */
  readonly psi: number;
  readonly looks: Looks;
  /** Runs in which the shift was found; null: not looked for. */
  readonly found: number | null;
  readonly cpuSeconds: number;
}

export interface Sizes {
  readonly runs: number;
  readonly references: number;
  readonly poolRows: number;
  readonly looks: number;
  readonly power: number;
}
