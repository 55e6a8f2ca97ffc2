import { existsSync } from 'node:fs';

/** The shell that guards a child. Without it, as in an image without a shell, a child sees the end of its parent by its own channel alone. */
const SHELL = '/bin/sh';

/** Descriptors above the standard ones that a guard may not hold: a channel is closed when its last holder closes it. */
const HIGHEST = 9;

/** Processes of a guard: it is a child of the program that it guards. */
export const GUARDS = 1;

/** A guard kills the child, or everything in its process group, when the parent has gone. */
export type GuardReach = 'child' | 'group';

/** Whether children can be guarded on this system. */
export function canGuard(): boolean {
  return process.platform !== 'win32' && existsSync(SHELL);
}

/**
 * The words that start a program with a guard. The shell becomes the program, so that the child has its pid. A process next to it waits at
 * the other end of a pipe, descriptor `fd`: when the parent ends, by any signal, the pipe closes, and the guard kills the child. A line
 * in the pipe ends the guard instead. `before`: more of the shell, before the program.
 */
export function guardedWords(
  words: readonly string[],
  fd: number,
  reach: GuardReach,
  before = '',
): readonly [string, ...string[]] {
  // In this form every shell kills a group: dash takes none after `-KILL --`.
  const target = reach === 'group' ? '-$$' : '$$';
  const closed = Array.from({ length: HIGHEST - 2 }, (_, i) => i + 3)
    .filter((one) => one !== fd)
    .map((one) => `${one}<&-`);
  const guard = `(trap '' TERM INT HUP QUIT; read -r done <&${fd} || kill -s KILL -- ${target}) </dev/null >/dev/null 2>&1 ${closed.join(' ')} &`;
  return [SHELL, '-c', `${before}${guard} exec "$@" ${fd}<&-`, 'sh', ...words];
}
