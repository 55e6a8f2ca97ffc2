import { fail } from '../base/errors/fail.ts';
import { trimEndOf, trimStartOf } from '../base/trim-end.ts';
import type { ModelRegistry, VersionFile } from '../ports/model-registry.ts';
import { versionAddress } from './version-address.ts';

/** Texts may be percent-encoded several times; more often than this is an attack. */
const MOST_DECODINGS = 10;

/* Reasons in the words of MLflow's own server. */
const LOCAL_SOURCE =
  'To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.';
const RELATIVE_SOURCE =
  'If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.';

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
  const refuse = (reason = RELATIVE_SOURCE) => fail('REGISTRY_SOURCE', { source, reason });
  if (decoded === null || decoded.includes('\u0000') || /[#?]/.test(decoded)) throw refuse();
  const path = decoded.replace(/^[a-z][a-z0-9+.-]*:\/*/i, '');
  const parts = path.split(/[\\/]/);
  if (parts.includes('..') || parts.includes('.') || path.includes('//')) throw refuse();
  const isLocal = !/^[a-z][a-z0-9+.-]*:/i.test(decoded) || /^file:/i.test(decoded);
  if (!isLocal) return;
  const own = runArtifacts === null ? null : trimEndOf(runArtifacts.replace(/^file:\/*/i, '/'), '/');
  const local = decoded.replace(/^file:\/*/i, '/');
  if (own === null || !own.startsWith('/') || (local !== own && !local.startsWith(`${own}/`)))
    throw refuse(LOCAL_SOURCE);
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

/** The id of the logged model that an address such as `models:/m-…` names; null: it is an address of another kind. */
export function loggedModelAt(source: string): string | null {
  return /^models:\/+(m-[0-9a-f]{32})$/.exec(source)?.[1] ?? null;
}

/** Copies of copies are followed up to this number. */
const MOST_COPIES = 10;

/** Where the files of a source are: those of a logged model are in its own folder, those of a copy where the first version has them. */
export async function placeOfSource(registry: ModelRegistry, source: string, copies = 0): Promise<string> {
  const id = loggedModelAt(source);
  if (id !== null) return (await registry.loggedModel(id))?.artifactUri ?? source;
  const address = versionAddress(source);
  if (address?.version == null || copies === MOST_COPIES) return source;
  const record = await registry.versionRecord(address.model, Number(address.version));
  return record === null ? source : placeOfSource(registry, record.source, copies + 1);
}

/** The files that a source has now, with paths relative to it. */
export async function filesOfSource(registry: ModelRegistry, source: string): Promise<readonly VersionFile[]> {
  const folder = artifactPath(await placeOfSource(registry, source));
  if (folder === null) return [];
  const files = await registry.filesUnder(folder);
  return files.map(({ path, digest, sizeBytes }) => ({
    path: path === folder ? (path.split('/').at(-1) ?? path) : path.slice(folder === '' ? 0 : folder.length + 1),
    digest,
    sizeBytes,
  }));
}
