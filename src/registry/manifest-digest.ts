import { sha256Hex } from '../base/hash/sha256.ts';
import type { VersionFile } from '../ports/model-registry.ts';

/*
 * The digest of a version's files: the sha256 of the lines `<digest> <path>` in order of the paths, each with a line feed. Files with
 * other contents, other names, or more or fewer of them have another digest.
 */

/** The digest over the files of a version; null where there is none. */
export function manifestDigest(files: readonly Pick<VersionFile, 'path' | 'digest'>[]): string | null {
  if (files.length === 0) return null;
  const lines = [...files].sort((a, b) => (a.path < b.path ? -1 : 1)).map(({ path, digest }) => `${digest} ${path}\n`);
  return sha256Hex(new TextEncoder().encode(lines.join('')));
}
