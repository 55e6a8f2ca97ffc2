import type { ModelRegistry, ModelVersion, VersionFile, VersionRecord } from '../../ports/model-registry.ts';
import { runOfVersion } from '../../registry/run-of-version.ts';
import { versionAddress } from '../../registry/version-address.ts';
import { mustBeAsSealed } from '../../registry/version-seal.ts';
import { filesOfSource, loggedModelAt } from '../../registry/version-source.ts';
import { MlflowFault } from './fault.ts';

/** The files of a version to register, and where they come from. */
interface Origin {
  readonly source: string;
  readonly files: readonly VersionFile[];
  /** The run that logged it, as far as the source says; empty: it says none. */
  readonly run: string;
  readonly loggedModel: string;
  /** The version of a training job that it is a copy of; null: another program logged it. */
  readonly trained: ModelVersion | null;
}

/**
 * Resolves the source of a version to register: a folder of artefacts, a logged model (`models:/m-…`), or another version
 * (`models:/name/3`, `models:/name@alias`), whose files the new version shares. Error: MlflowFault where it is absent.
 */
export async function originOf(registry: ModelRegistry, source: string, loggedModel: string): Promise<Origin> {
  const id = loggedModel || (loggedModelAt(source) ?? '');
  const logged = id === '' ? null : await registry.loggedModel(id);
  if (id !== '' && logged === null) throw absent(`Logged model with ID '${id}' not found.`);
  const other = await versionAt(registry, source);
  if (other === null) {
    const files = await filesOfSource(registry, source);
    return { source, files, run: logged?.sourceRun ?? '', loggedModel: id, trained: null };
  }
  const { files, trained } = other;
  const run = logged === null ? ((await runOfVersion(registry, other))?.info.id ?? '') : logged.sourceRun;
  return { source, files, run, loggedModel: id || other.loggedModel, trained };
}

/** The version that an address such as `models:/name/3` names; null: it is an address of another kind. Error: REGISTRY_SEAL. */
async function versionAt(registry: ModelRegistry, source: string): Promise<VersionRecord | null> {
  const address = versionAddress(source);
  if (address === null) return null;
  const { model, version: place, alias } = address;
  const number = alias === null ? Number(place) : await registry.alias(model, alias);
  if (number === null) throw absent(`Registered model alias ${alias} not found.`);
  const record = Number.isSafeInteger(number) ? await registry.versionRecord(model, number) : null;
  if (record === null) throw absent(`Model Version (name=${model}, version=${place ?? number}) not found`);
  mustBeAsSealed(record);
  return record;
}

function absent(message: string): MlflowFault {
  return new MlflowFault('RESOURCE_DOES_NOT_EXIST', message);
}
