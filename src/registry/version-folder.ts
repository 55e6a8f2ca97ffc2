import type { FolderEntry, IndexedFile } from '../ports/artifact-index.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry, VersionFile, VersionRecord } from '../ports/model-registry.ts';
import { manifestDigest } from './manifest-digest.ts';
import { mustBeAsSealed } from './version-seal.ts';
import { filesOfSource, placeOfSource } from './version-source.ts';

/*
 * The folder of a version in the artefact tree: `headrace-versions/<name>/<number>`, the name as base64url. Its files are those that the
 * version had when it was registered. Nothing can be written below it.
 */

/** The folder that holds the folders of versions. */
const VERSIONS = 'headrace-versions';

interface Stores {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
}

/** Whether a path of the artefact tree is one of a version's own files, or their folder. */
export function isVersionPath(path: string): boolean {
  return path === VERSIONS || path.startsWith(`${VERSIONS}/`);
}

/**
 * Where clients of MLflow find the files of a version: its source while that holds what was registered, otherwise the version's own
 * folder. The source may have been overwritten or removed since, or be another version. Error: REGISTRY_SEAL.
 */
export async function downloadAddress(registry: ModelRegistry, record: VersionRecord): Promise<string> {
  mustBeAsSealed(record);
  const { model, version, source, digest, trained } = record;
  const isSource =
    trained === null && (digest === null || manifestDigest(await filesOfSource(registry, source)) === digest);
  if (isSource) return placeOfSource(registry, source);
  return `mlflow-artifacts:/${VERSIONS}/${Buffer.from(model).toString('base64url')}/${version}`;
}

/** A file of a version's folder; null: there is none. */
export async function versionFile(stores: Stores, path: string): Promise<IndexedFile | null> {
  const place = placeOf(path);
  const files = place === null ? [] : await filesAt(stores, place);
  const file = files.find((one) => one.path === place?.below);
  return file === undefined ? null : { ...file, path };
}

/** The entries of a version's folder or of one below it, by name. */
export async function versionEntries(stores: Stores, path: string): Promise<readonly FolderEntry[]> {
  const place = placeOf(path);
  if (place === null) return [];
  const start = place.below === '' ? '' : `${place.below}/`;
  const entries = new Map<string, FolderEntry>();
  for (const file of await filesAt(stores, place)) {
    if (!file.path.startsWith(start)) continue;
    const [name, ...rest] = file.path.slice(start.length).split('/');
    const isFolder = rest.length > 0;
    entries.set(name, { name, isFolder, sizeBytes: isFolder ? null : file.sizeBytes });
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Place {
  readonly model: string;
  readonly version: number;
  /** Path below the folder of the version; empty: the folder itself. */
  readonly below: string;
}

function placeOf(path: string): Place | null {
  const [root, name = '', number = '', ...rest] = path.split('/');
  if (root !== VERSIONS || !/^[1-9]\d{0,14}$/.test(number)) return null;
  return { model: Buffer.from(name, 'base64url').toString(), version: Number(number), below: rest.join('/') };
}

/** The files of a version; of one that a training job made, its model and its parity rows. */
async function filesAt({ registry, artifacts }: Stores, { model, version }: Place): Promise<readonly VersionFile[]> {
  const record = await registry.versionRecord(model, version);
  if (record === null) return [];
  mustBeAsSealed(record);
  if (record.trained === null) return record.files;
  const { artifact, parity } = record.trained;
  const named = [
    { path: 'model.onnx', digest: artifact },
    { path: 'parity', digest: parity },
  ];
  const sized = await Promise.all(named.map(async (one) => ({ ...one, sizeBytes: await artifacts.size(one.digest) })));
  return sized.flatMap(({ sizeBytes, ...file }) => (sizeBytes === null ? [] : [{ ...file, sizeBytes }]));
}
