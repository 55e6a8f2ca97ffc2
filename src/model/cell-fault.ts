import type { NumberType } from './number-type.ts';

/** Characters of a cell that a reason shows. */
const LONGEST_CELL = 60;

/** Why a cell cannot be fed to a tensor of a type; null: it is missing. A text is unfit only where it is missing. */
export function cellFault(column: string, cell: string | null, type: NumberType | 'BYTES'): string {
  if (cell === null)
    return `column "${column}" is empty, and ${type} has no missing ${type === 'BYTES' ? 'text' : 'number'}`;
  return `column "${column}" holds ${JSON.stringify(cell.slice(0, LONGEST_CELL))}, which is no ${type} number`;
}

/**
 * The cell of a fault as engines write it; null: it is missing. The text begins with the place of its feature and a letter: `3t one` a
 * text, `3n 1E300` a double, which each engine writes in another way, `3m` a missing cell.
 */
export function faultyCell(fault: string): string | null {
  const kind = /^\d*/.exec(fault)?.[0].length ?? 0;
  if (fault[kind] === 'm') return null;
  const cell = fault.slice(kind + 2);
  return fault[kind] === 'n' ? String(Number(cell)) : cell;
}
