import { fail } from '../base/errors/fail.ts';
import type { ModelRegistry, VersionRecord } from '../ports/model-registry.ts';

/** The record of a version. Error: REGISTRY_VERSION. */
export async function mustRecord(
  registry: Pick<ModelRegistry, 'versionRecord'>,
  model: string,
  version: number,
): Promise<VersionRecord> {
  const record = await registry.versionRecord(model, version);
  if (record === null) throw fail('REGISTRY_VERSION', { model, version });
  return record;
}
