import { fail } from '../base/errors/fail.ts';
import { trimEndOf, trimStartOf } from '../base/trim-end.ts';
import type { ModelRegistry, VersionFile } from '../ports/model-registry.ts';

/** Texts may be percent-encoded several times; more often than this is an attack. */
const MOST_DECODINGS = 10;

/** The folder of the artefact tree that `mlflow-artifacts:` addresses point into; null: it is an address of another kind. */
export function artifactPath(uri: string): string | null {
  if (!uri.startsWith('mlflow-artifacts:') || uri.includes('\n')) return null;
  let rest = uri.slice('mlflow-artifacts:'.length);
  if (rest.startsWith('//')) {
    const path = rest.indexOf('/', 2);
    rest = path === -1 ? '' : rest.slice(path);
  }
  return trimEndOf(trimStartOf(rest, '/'), '/');
}

/**
 * Checks the source of a version to register: no part of it leads out of its folder, however it is encoded. A path of this machine is
 * allowed only inside the artefacts of its run. Error: REGISTRY_SOURCE.
 */
export function checkSource(source: string, runArtifacts: string | null): void {
  const decoded = fullyDecoded(source);
  const refuse = () => fail('REGISTRY_SOURCE', { source });
  if (decoded === null || decoded.includes('\u0000') || /[#?]/.test(decoded)) throw refuse();
  const path = decoded.replace(/^[a-z][a-z0-9+.-]*:\/*/i, '');
  const parts = path.split(/[\\/]/);
  if (parts.includes('..') || parts.includes('.') || path.includes('//')) throw refuse();
  const isLocal = !/^[a-z][a-z0-9+.-]*:/i.test(decoded) || /^file:/i.test(decoded);
  if (!isLocal) return;
  const own = runArtifacts === null ? null : trimEndOf(runArtifacts.replace(/^file:\/*/i, '/'), '/');
  const local = decoded.replace(/^file:\/*/i, '/');
  if (own === null || !own.startsWith('/') || (local !== own && !local.startsWith(`${own}/`))) throw refuse();
}

function fullyDecoded(text: string): string | null {
  let decoded = text;
  for (let i = 0; i < MOST_DECODINGS; i += 1) {
    let next: string;
    try {
      next = decodeURIComponent(decoded);
    } catch {
      return null;
    }
    if (next === decoded) return decoded;
    decoded = next;
  }
  return null;
}

/** The files that a source has now, with paths relative to it. */
export async function filesOfSource(registry: ModelRegistry, source: string): Promise<readonly VersionFile[]> {
  const folder = artifactPath(source);
  if (folder === null) return [];
  const files = await registry.filesUnder(folder);
  return files.map(({ path, digest, sizeBytes }) => ({
    path: path === folder ? (path.split('/').at(-1) ?? path) : path.slice(folder === '' ? 0 : folder.length + 1),
    digest,
    sizeBytes,
  }));
}
