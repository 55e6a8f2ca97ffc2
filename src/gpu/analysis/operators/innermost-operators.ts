import { hostKinds, type Trace } from '../../trace/trace.ts';

/**
 * By launching call, the innermost operator around it; -1 without one. An operator of which `isPart` says that it is a part of the
 * one around it counts as that one.
 */
export function innermostOperators(
  { host }: Trace,
  threads: ReadonlyMap<number, Int32Array>,
  isPart: (row: number, around: number) => boolean = () => false,
): Int32Array {
  const found = new Int32Array(host.length).fill(-1);
  for (const rows of threads.values()) {
    const open: number[] = [];
    const counted: number[] = [];
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index];
      const kind = host.kind[row];
      if (kind !== hostKinds.op && kind < hostKinds.runtime) continue;
      const start = host.ts[row];
      while (open.length > 0 && host.ts[open[open.length - 1]] + host.dur[open[open.length - 1]] < start) {
        open.pop();
        counted.pop();
      }
      const around = counted.length > 0 ? counted[counted.length - 1] : -1;
      if (kind >= hostKinds.runtime) found[row] = around;
      else {
        open.push(row);
        counted.push(around >= 0 && isPart(row, around) ? around : row);
      }
    }
  }
  return found;
}
