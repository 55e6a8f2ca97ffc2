import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_FILE } from '../audit-log.ts';

/** When something was last forgotten in an environment since an instant, epoch ms, as its audit log has it; null: nothing was. */
export function forgottenSince(directory: string, since: number): number | null {
  const path = join(directory, AUDIT_FILE);
  if (!existsSync(path)) return null;
  const times = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"what":"forget"'))
    .map((line) => Date.parse(/"at":"([^"]+)"/.exec(line)?.[1] ?? ''))
    .filter((at) => at >= since);
  return times.length === 0 ? null : Math.max(...times);
}
