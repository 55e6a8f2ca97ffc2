import { fail } from '../base/errors/fail.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry, VersionFile, VersionRecord } from '../ports/model-registry.ts';
import { lineageOf } from './lineage.ts';
import { manifestDigest } from './manifest-digest.ts';
import { storeContent } from './store-content.ts';
import { loadableRecord } from './version-seal.ts';

/** A registry with its artefacts. */
export interface RegistryStores {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
}

/**
 * Copies a version to another environment: its contents by their digests, then the version with the next number there. The digest over
 * its files is the same in both, or nothing is registered. Errors: REGISTRY_VERSION, REGISTRY_SEAL, ARTIFACT_*, those of the registries.
 */
export async function copyVersion(
  from: RegistryStores,
  to: RegistryStores,
  {
    model,
    version,
    at,
    who,
  }: { readonly model: string; readonly version: number; readonly at: number; readonly who: string },
): Promise<number> {
  const record = await loadableRecord(from.registry, model, version);
  if (record.trained !== null) return copyTrained(from, to, record, at);
  const folder = `copies/${encodeURIComponent(model)}/${record.digest ?? 'empty'}`;
  for (const file of record.files) {
    await copyContent(from, to, file.digest, at);
    await to.registry.nameFile({ path: `${folder}/${file.path}`, digest: file.digest, sizeBytes: file.sizeBytes }, at);
  }
  const { reference } = lineageOf(record);
  if (reference !== null) await copyContent(from, to, reference, at);
  checkDigest(record, record.files);
  if ((await to.registry.model(model)) === null)
    await to.registry.createModel({ name: model, description: '', tags: [], at });
  const { loggedModel: _logged, ...kept } = record;
  const made = await to.registry.createVersion({
    ...kept,
    loggedModel: '',
    source: record.files.length === 0 ? record.source : `mlflow-artifacts:/${folder}`,
    user: record.user,
    tags: [...record.tags, { key: 'headrace.copied_from', value: `version ${version} by ${who}` }],
    at,
  });
  return made.version;
}

async function copyTrained(
  from: RegistryStores,
  to: RegistryStores,
  { trained }: VersionRecord,
  at: number,
): Promise<number> {
  if (trained === null) return 0;
  const { reference } = trained.lineage;
  for (const digest of [trained.artifact, trained.parity]) await copyContent(from, to, digest, at);
  if (reference !== undefined) await copyContent(from, to, reference, at);
  const { version: _version, ...kept } = trained;
  return (await to.registry.register(kept)).version;
}

/** A content has the digest that it is copied by: the stream of the store fails otherwise. */
async function copyContent(from: RegistryStores, to: RegistryStores, digest: string, at: number): Promise<void> {
  const stored = await storeContent(to, await from.artifacts.read(digest), at);
  if (stored.digest !== digest) throw fail('ARTIFACT_DAMAGED', { path: digest });
}

function checkDigest({ digest }: VersionRecord, files: readonly VersionFile[]): void {
  if (manifestDigest(files) !== digest) throw fail('ARTIFACT_DAMAGED', { path: digest ?? 'a version without files' });
}
