import type { QualityFault } from './quality-fault.ts';

/** Columns share a fault if this share of the rows with a missing value has both missing. */
const SHARED = 0.8;

/** Columns whose values went missing in the same rows are one incident. `together` counts rows of the window in which all the named are missing. */
export async function joinMissing(
  faults: readonly QualityFault[],
  rows: number,
  together: (names: readonly string[]) => Promise<number>,
): Promise<readonly QualityFault[]> {
  const groups: QualityFault[] = [];
  for (const fault of faults.filter(({ kind }) => kind === 'missing')) {
    const at = await groupOf(fault, groups, together);
    if (at === -1) groups.push(fault);
    else {
      const columns = [...groups[at].columns, ...fault.columns];
      groups[at] = { ...groups[at], columns, text: `missing together in ${groups[at].rows} rows of ${rows}` };
    }
  }
  return [...groups, ...faults.filter(({ kind }) => kind !== 'missing')];
}

async function groupOf(
  fault: QualityFault,
  groups: readonly QualityFault[],
  together: (names: readonly string[]) => Promise<number>,
): Promise<number> {
  for (const [at, group] of groups.entries()) {
    const both = await together([group.columns[0], fault.columns[0]]);
    if (both >= SHARED * Math.max(fault.rows ?? 0, group.rows ?? 0)) return at;
  }
  return -1;
}
