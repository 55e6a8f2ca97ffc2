import { openSync, readdirSync, readFileSync } from 'node:fs';

/** The flag of a descriptor that is closed when another program starts (open(2)), as Linux writes it: octal. */
const CLOEXEC = 0o2000000;

/** A process with more descriptors than this keeps the others: each that is shut costs one system call for each start. */
const MOST = 4_096;

/**
 * The descriptors of a child, so that it inherits no other. A library in C may open a file without the flag that closes it, and a child
 * would then hold the store open for writing. In the child each such number is the null device instead.
 */
export function shielded<T>(stdio: readonly T[]): (T | number)[] {
  const highest = Math.max(-1, ...inheritable());
  const missing = Math.max(0, Math.min(highest, MOST) + 1 - stdio.length);
  if (missing === 0) return [...stdio];
  // The word `ignore` leaves a descriptor above 2 as it is.
  nullDevice ??= openSync('/dev/null', 'r');
  return [...stdio, ...Array<number>(missing).fill(nullDevice)];
}

let nullDevice: number | null = null;

/** Descriptors of this process that a child would inherit; empty where the system does not say. */
function inheritable(): readonly number[] {
  if (process.platform !== 'linux') return [];
  return namesOf('/proc/self/fdinfo').flatMap((name) => {
    const flags = /^flags:\s*([0-7]+)/m.exec(textOf(`/proc/self/fdinfo/${name}`))?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & CLOEXEC) !== 0 ? [] : [Number(name)];
  });
}

function namesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The text of a descriptor; empty where it is closed by now. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
