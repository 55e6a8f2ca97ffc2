import type { OfflineRetention } from '../../../ports/offline-store.ts';
import type { ManifestFile } from './manifest.ts';

/**
 * Runs of neighbouring files that are worth merging: each smaller than a whole file, together about one. Neighbours
 * only, so that the files of a table stay in the order of their rows and age together.
 */
export function mergeableRuns(
  files: readonly ManifestFile[],
  wholeBytes: number,
): readonly (readonly ManifestFile[])[] {
  const runs: ManifestFile[][] = [[]];
  let bytes = 0;
  for (const file of files) {
    if (file.bytes >= wholeBytes || bytes + file.bytes > wholeBytes) {
      runs.push([]);
      bytes = 0;
    }
    if (file.bytes >= wholeBytes) continue;
    runs[runs.length - 1].push(file);
    bytes += file.bytes;
  }
  return runs.filter((run) => run.length > 1);
}

/** Paths of the files that a retention rule drops; `newest` is each file's latest row, epoch ms, absent where unknown. */
export function outdatedFiles(
  files: readonly ManifestFile[],
  newest: ReadonlyMap<string, number>,
  { olderThan, maxBytes }: OfflineRetention,
): ReadonlySet<string> {
  // A file whose times are unknown (all null) has no age: it goes by bytes only, after all others.
  const ageOf = ({ path }: ManifestFile): number => newest.get(path) ?? Number.POSITIVE_INFINITY;
  const dropped = new Set<string>();
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  for (const file of [...files].sort((a, b) => compare(ageOf(a), ageOf(b)))) {
    if (ageOf(file) >= olderThan && bytes <= maxBytes) break;
    dropped.add(file.path);
    bytes -= file.bytes;
  }
  return dropped;
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
