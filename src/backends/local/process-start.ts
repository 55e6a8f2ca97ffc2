import { readFileSync } from 'node:fs';

/** When a process started, in ticks since the machine did; null: it is gone. A pid with another start is another process. */
export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may have blanks and brackets: fields count from the last bracket. A zombie has ended.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** Whether any process of a group lives; zombies that wait for their parent do not count. */
export function groupLives(group: number, members: () => readonly string[]): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return members().some((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[2] === String(group) && fields[0] !== 'Z';
    } catch {
      return false;
    }
  });
}
