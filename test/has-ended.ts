import { readFileSync } from 'node:fs';

/** Whether a process has ended: one that its parent has not yet waited for has. */
export function hasEnded(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
