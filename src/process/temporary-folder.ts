import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { canGuard } from './guard.ts';

/** Removes the folder when the pipe closes; a line in it ends the guard instead. */
const REMOVE = `trap '' TERM INT HUP QUIT; read -r done || rm -rf -- "$1"`;

/** A folder of this process in the temporary one of the system. */
export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
}

/** Makes a folder that goes with this process, however it ends. */
export function temporaryFolder(prefix: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const guard = canGuard()
    ? spawn('/bin/sh', ['-c', REMOVE, 'sh', path], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: {} })
    : null;
  const pipe: (Writable & { unref?(): void }) | null = guard?.stdin ?? null;
  guard?.unref();
  guard?.on('error', () => undefined);
  pipe?.on('error', () => undefined);
  pipe?.unref?.();
  const remove = () => {
    process.off('exit', remove);
    rmSync(path, { recursive: true, force: true });
    pipe?.end('\n');
  };
  process.once('exit', remove);
  return { path, remove };
}
