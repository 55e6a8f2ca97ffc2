import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that have their own figures, or belong to others. */
const COUNTED_APART = new Set(['log', 'offline', 'namespaces']);

/**
 * Bytes that files of an environment take besides its log and history: online store, registry, models, training runs.
 */
export function bytesElsewhere(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (COUNTED_APART.has(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isFile()) bytes += bytesOf(path);
    if (!entry.isDirectory()) continue;
    for (const below of readdirSync(path, { recursive: true, withFileTypes: true }))
      if (below.isFile()) bytes += bytesOf(join(below.parentPath, below.name));
  }
  return bytes;
}

/**
 * Allocated bytes of a file: a sparse file takes less than its length. A file that disappeared meanwhile takes nothing.
 */
function bytesOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Math.min(stat.size, stat.blocks * 512);
}
