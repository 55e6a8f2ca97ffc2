import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isDiskFull } from '../../../base/errors/environment-fault.ts';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { acquireLock, type Lock } from '../lock.ts';
import { clearScratch } from './engine.ts';
import type { Manifest, ManifestFile } from './manifest.ts';

/*
 * <store>/
 *   manifest.<sequence>.json                    what the store holds (manifest.ts)
 *   tables/<table name>/<sequence>-<n>.parquet  files of the manifest of that sequence or later ones
 *   tables/<table name>/<sequence>-m<n>.parquet files that were merged from others, of later ones
 *   scratch/<process>-<n>/                      what a query of that process has no memory for
 *   lock                                        held by the process that writes
 */

/** Path of a new file of a table within the store. */
export function filePath(table: string, sequence: number, name: string): string {
  return join('tables', table, `${sequence}-${name}.parquet`);
}

export function scratchPath(directory: string): string {
  return join(directory, 'scratch');
}

const TABLE_NAME = /^[\w.@-]+(\/[\w.@-]+)*$/;

/** Error OFFLINE_NAME unless the name of a table can be a path below the store. */
export function checkTableName(table: string): void {
  if (!TABLE_NAME.test(table) || table.split('/').some((part) => /^\.+$/.test(part)))
    throw fail('OFFLINE_NAME', { table });
}

/** Makes the store's directory and takes its lock. Errors: OFFLINE_LOCKED, OFFLINE_WRITE. */
export function lockDirectory(directory: string): Lock {
  try {
    mkdirSync(join(directory, 'tables'), { recursive: true });
    const lock = acquireLock(join(directory, 'lock'));
    if (lock === null) throw fail('OFFLINE_LOCKED', { path: directory });
    clearScratch(scratchPath(directory));
    return lock;
  } catch (error) {
    throw writeError(error, directory);
  }
}

/** Removes files that the newest manifest does not name: those of an unpublished change, and older manifests. */
export function removeOrphans(directory: string, { sequence, tables, retired }: Manifest): void {
  const known = new Set([...tables.flatMap(({ files }) => files), ...retired].map(({ path }) => path));
  const entries = readdirSync(join(directory, 'tables'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !known.has(relative(directory, path))) rmSync(path, { force: true });
  }
  for (const name of readdirSync(directory)) {
    if (/^manifest\.\d+\.json(\.tmp)?$/.test(name) && name !== `manifest.${sequence}.json`)
      rmSync(join(directory, name), { force: true });
  }
}

/** The fault of a published file: null, missing, or the reason. */
export function faultOf(path: string, { bytes }: ManifestFile): 'missing' | string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  return stat.size === bytes ? null : `it has ${stat.size} bytes, not ${bytes}`;
}

/** The coded error of a failed write below the store or outside it. */
export function writeError(error: unknown, path: string): unknown {
  if (isHeadraceError(error) || !(error instanceof Error)) return error;
  if (isDiskFull(error)) return fail('OFFLINE_FULL', { path }, error);
  return fail('OFFLINE_WRITE', { path, reason: error.message }, error);
}
