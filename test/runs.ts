/** The larger searches of `npm run test:deep`, which runs every file that imports this module. */
export const isDeep = process.env['HEADRACE_DEEP'] === '1';

/** How many cases a search tries: few in the gate, many in `npm run test:deep`. */
export function runs(gate: number, deep: number): number {
  return isDeep ? deep : gate;
}
