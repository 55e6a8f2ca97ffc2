import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

const PLACE = '/dev/shm';
const PREFIX = 'headrace-tmp-';

/** Less than this leaves too little for the processes of the tests. */
const LEAST_BYTES = 4 * 2 ** 30;

/**
 * Temporary files of this process and its children go to memory, where that is large and runs programs: a disk takes most of
 * the time of a test that opens an environment. Returns what removes them again. The folders of processes that were killed go now.
 */
export function useMemoryFolder(): () => void {
  const folder = join(PLACE, `${PREFIX}${process.pid}`);
  if (process.env['TMPDIR']?.startsWith(join(PLACE, PREFIX)) || !isLarge()) return () => undefined;
  for (const name of readdirSync(PLACE)) if (isLeft(name)) rmSync(join(PLACE, name), { recursive: true, force: true });
  mkdirSync(folder);
  const before = process.env['TMPDIR'];
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  };
  if (!runsPrograms(folder)) {
    remove();
    return () => undefined;
  }
  process.env['TMPDIR'] = folder;
  return remove;
}

function isLarge(): boolean {
  try {
    const { bavail, bsize } = statfsSync(PLACE);
    return Math.min(bavail * bsize, freemem()) >= LEAST_BYTES;
  } catch {
    return false;
  }
}

/** A container may forbid programs there, and tests write some. */
function runsPrograms(folder: string): boolean {
  const program = join(folder, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
  const { status } = spawnSync(program);
  rmSync(program);
  return status === 0;
}

/** Whether a name is of a folder whose process has ended. */
function isLeft(name: string): boolean {
  if (!name.startsWith(PREFIX)) return false;
  try {
    process.kill(Number(name.slice(PREFIX.length)), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
