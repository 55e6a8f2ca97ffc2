import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../../files/replace-file.ts';
import { syncFolder } from '../../../files/sync-folder.ts';

/**
 * The file operations of a log. They are an argument so that tests can lose what was not synced, fill the disk and make a
 * sync fail; `nodeFiles` is what runs.
 */
export interface LogFiles {
  /** Makes a folder and those above it; their names are durable on return. */
  makeFolder(path: string): void;
  list(folder: string): readonly string[];
  /** Opens a file for reading and appending, made if absent (its name is durable after `syncFolder`). */
  open(path: string): number;
  size(fd: number): number;
  /** Reads at `position` until `into` is full or the file ends; gives the number of bytes. */
  read(fd: number, into: Uint8Array, position: number): number;
  /** Appends bytes from `at` on; gives how many were written. */
  append(fd: number, bytes: Uint8Array, at: number): number;
  truncate(fd: number, size: number): void;
  /** The file's bytes and size are durable on return. */
  sync(fd: number): void;
  /** The same, when the promise is fulfilled. */
  syncSoon(fd: number): Promise<void>;
  syncFolder(path: string): void;
  /** Puts a whole small file in place of another, durably. */
  replace(path: string, content: string): void;
  /** Puts a file in the place of another; durable once the folder is synced. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  close(fd: number): void;
}

/** The files of this machine. */
export const nodeFiles: LogFiles = {
  makeFolder: (path) => {
    const first = mkdirSync(path, { recursive: true });
    if (first === undefined) return;
    for (let made = path; ; made = dirname(made)) {
      syncFolder(dirname(made));
      if (made === first || dirname(made) === made) return;
    }
  },
  list: (folder) => readdirSync(folder),
  open: (path) => openSync(path, 'a+'),
  size: (fd) => fstatSync(fd).size,
  read: (fd, into, position) => {
    let filled = 0;
    while (filled < into.length) {
      const read = readSync(fd, into, filled, into.length - filled, position + filled);
      if (read === 0) break;
      filled += read;
    }
    return filled;
  },
  append: (fd, bytes, at) => writeSync(fd, bytes, at, bytes.length - at),
  truncate: ftruncateSync,
  sync: fdatasyncSync,
  syncSoon: (fd) =>
    new Promise((resolve, reject) => fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))),
  syncFolder,
  replace: (path, content) => replaceFile(path, content),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path),
  close: closeSync,
};
