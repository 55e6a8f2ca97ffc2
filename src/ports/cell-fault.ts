/** Characters of a cell that a reason shows. */
const LONGEST_CELL = 60;

/** Why a cell cannot be fed to a model. */
export function cellFault(column: string, cell: string): string {
  return `column "${column}" holds ${JSON.stringify(cell.slice(0, LONGEST_CELL))}, which is no float32 number`;
}
