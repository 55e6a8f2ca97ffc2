import { readFileSync } from 'node:fs';

/** Clock ticks of Linux in a second, as its processes see them. */
const TICKS = 100;

/** Processor seconds of all processes that this one has waited for, and of theirs; NaN: the system does not say. */
export function childCpuSeconds(): number {
  try {
    const text = readFileSync('/proc/self/stat', 'utf8');
    // After the name in brackets, fields 3 and on; 16 and 17 are the times of children.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) / TICKS;
  } catch {
    return Number.NaN;
  }
}
