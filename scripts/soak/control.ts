import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { must } from './must.ts';

const MEMBERS = ['clockNs', 'writePpm', 'writeErrno', 'readPpm', 'readErrno', 'injected'] as const;

export interface Injected {
  /** Offset of the clock of the processes, ms. */
  readonly clockMs?: number;
  /** Writes and syncs of files that fail, of a million. */
  readonly writePpm?: number;
  readonly writeError?: 'ENOSPC' | 'EIO';
  /** Reads of files that fail, of a million. */
  readonly readPpm?: number;
}

/** Faults below a process: a library that is loaded before libc, and the file that says which faults it injects. */
export class Control {
  readonly env: Readonly<Record<string, string>>;
  readonly #fd: number;

  private constructor(env: Readonly<Record<string, string>>, fd: number) {
    this.env = env;
    this.#fd = fd;
  }

  /** Compiles the library into a folder. Only files below `directory` get faults. */
  static async open(folder: string, directory: string): Promise<Control> {
    const library = join(folder, 'faults.so');
    const source = new URL('./faults.c', import.meta.url).pathname;
    await must('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, source, '-ldl']);
    const path = join(folder, 'control');
    writeFileSync(path, Buffer.alloc(8 * MEMBERS.length));
    const fd = openSync(path, 'r+');
    return new Control({ LD_PRELOAD: library, SOAK_CONTROL: path, SOAK_DIRECTORY: directory }, fd);
  }

  /** From now on these faults are injected, and no others. */
  inject({ clockMs = 0, writePpm = 0, writeError = 'ENOSPC', readPpm = 0 }: Injected): void {
    const bytes = Buffer.alloc(8 * (MEMBERS.length - 1));
    const values = [clockMs * 1e6, writePpm, constants.errno[writeError], readPpm, constants.errno.EIO];
    values.forEach((value, i) => {
      bytes.writeBigInt64LE(BigInt(Math.round(value)), 8 * i);
    });
    writeSync(this.#fd, bytes, 0, bytes.length, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
