import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Holds a directory for this process: a second replay would remove the data of the first. Null: a living process has it; `pid` names that one. */
export function holdDirectory(directory: string): { readonly release: () => void } | { readonly pid: number } {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'replay.pid');
  const other = pidIn(path);
  if (other !== null && other !== process.pid && isAlive(other)) return { pid: other };
  writeFileSync(path, String(process.pid));
  return { release: () => rmSync(path, { force: true }) };
}

function pidIn(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
