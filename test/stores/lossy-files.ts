import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type LogFiles, nodeFiles } from '../../src/backends/embedded/log/log-files.ts';

/** Unit in which a disk keeps or loses what was written. */
const SECTOR = 512;

interface TrackedFile {
  readonly path: string;
  /** What the file may be found as, sector by sector, when the power fails: all it was since the last sync. */
  states: Buffer[];
  named: boolean;
  /** Bytes [from, to) that a failed sync left marked as written though they are not: no later sync brings them to the disk. */
  given: { from: number; to: number };
}

/**
 * The files of this machine, with a memory of what was synced, so that `losePower` can leave on the disk what a power
 * failure may leave: of every file, what was synced, and of what came after any mixture of sectors, old, new or zero, at any
 * length; and of a new file whose folder was not synced perhaps nothing.
 */
export class LossyFiles implements LogFiles {
  readonly #files = new Map<number, TrackedFile>();
  readonly #random: () => number;
  /** How many of the next syncs, writes and truncations fail. */
  failures = { sync: 0, append: 0, truncate: 0 };

  constructor(random: () => number) {
    this.#random = random;
  }

  makeFolder = nodeFiles.makeFolder;
  list = nodeFiles.list;
  size = nodeFiles.size;
  read = nodeFiles.read;
  replace = nodeFiles.replace;
  rename = nodeFiles.rename;

  open(path: string): number {
    const before = [...this.#files.values()].find((file) => file.path === path);
    const fd = nodeFiles.open(path);
    this.#files.set(fd, before ?? { path, states: [readFileSync(path)], named: nodeFiles.size(fd) > 0, given: NONE });
    return fd;
  }

  append(fd: number, bytes: Uint8Array, at: number): number {
    if (this.failures.append > 0) {
      this.failures.append -= 1;
      // Half of it comes first, as on a disk that fills up.
      if (this.#random() < 0.5) nodeFiles.append(fd, bytes.subarray(0, at + ((bytes.length - at) >> 1)), at);
      this.#changed(fd);
      throw new Error('ENOSPC: no space left on device, write');
    }
    const written = nodeFiles.append(fd, bytes, at);
    this.#changed(fd);
    return written;
  }

  truncate(fd: number, size: number): void {
    if (this.failures.truncate > 0) {
      this.failures.truncate -= 1;
      throw new Error('EIO: i/o error, ftruncate');
    }
    nodeFiles.truncate(fd, size);
    this.#changed(fd);
    const file = this.#file(fd);
    file.given = { from: file.given.from, to: Math.min(file.given.to, size) };
  }

  sync(fd: number): void {
    const file = this.#file(fd);
    this.#failSync(file);
    file.states = [onDisk(file, readFileSync(file.path))];
  }

  /** Ends some turns later; what is written meanwhile is not synced by it. */
  async syncSoon(fd: number): Promise<void> {
    const file = this.#file(fd);
    const begun = file.states.at(-1);
    for (let turns = Math.floor(this.#random() * 3); turns >= 0; turns -= 1) await new Promise(setImmediate);
    this.#failSync(file);
    const since = begun === undefined ? -1 : file.states.indexOf(begun);
    if (begun !== undefined && since >= 0) file.states = [onDisk(file, begun), ...file.states.slice(since + 1)];
  }

  syncFolder(path: string): void {
    for (const file of this.#files.values()) if (dirname(file.path) === path) file.named = true;
  }

  remove(path: string): void {
    nodeFiles.remove(path);
  }

  /** A closed file can still be lost. */
  close(fd: number): void {
    nodeFiles.close(fd);
    const file = this.#files.get(fd);
    this.#files.delete(fd);
    if (file !== undefined) this.#files.set(-1 - this.#files.size - fd, file);
  }

  /** Leaves on the disk one of the states that a power failure may leave. */
  losePower(): void {
    for (const { path, states, named } of new Set(this.#files.values())) {
      if (!named && this.#random() < 0.5) rmSync(path, { force: true });
      else writeSurvivor(path, states, this.#random);
    }
  }

  #failSync(file: TrackedFile): void {
    if (this.failures.sync === 0) return;
    this.failures.sync -= 1;
    file.given = { from: file.states[0].length, to: file.states[file.states.length - 1].length };
    throw new Error('EIO: i/o error, fdatasync');
  }

  #changed(fd: number): void {
    const file = this.#file(fd);
    file.states.push(readFileSync(file.path));
  }

  #file(fd: number): TrackedFile {
    const file = this.#files.get(fd);
    if (file === undefined) throw new Error(`EBADF: file ${fd} is not open`);
    return file;
  }
}

const NONE = { from: 0, to: 0 };

function onDisk({ given: { from, to } }: TrackedFile, content: Buffer): Buffer {
  return from < to ? Buffer.from(content).fill(0, from, Math.min(to, content.length)) : content;
}

function writeSurvivor(path: string, states: readonly Buffer[], random: () => number): void {
  const pick = () => states[Math.floor(random() * states.length)];
  const synced = states[0];
  const sizes = states.map(({ length }) => length);
  const least = Math.min(...sizes);
  const size = random() < 0.3 ? pick().length : least + Math.floor(random() * (Math.max(...sizes) - least + 1));
  const found = Buffer.alloc(size);
  for (let at = 0; at < size; at += SECTOR) {
    const state = random() < 0.15 ? synced : pick();
    found.set(state.subarray(at, Math.min(size, at + SECTOR)), at);
  }
  try {
    readFileSync(path);
  } catch {
    return; // It was removed.
  }
  writeFileSync(path, found);
}
