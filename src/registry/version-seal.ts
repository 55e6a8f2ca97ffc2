import { canonicalJson, type Json } from '../base/canonical-json.ts';
import { fail } from '../base/errors/fail.ts';
import { sha256Hex } from '../base/hash/sha256.ts';
import type { ModelRegistry, VersionRecord } from '../ports/model-registry.ts';
import { mustRecord } from './must-record.ts';
import { isScoringTag } from './scoring-tags.ts';

/*
 * A seal is the sha256 of the canonical JSON of everything that decides what a version answers: its number, its source, its files by
 * path and digest, its scoring tags, and the signature, lineage and digests of one that a training job made. The model's name is no part
 * of it. A move keeps the seal with the alias; whoever loads the version compares. It finds rows that changed behind the registry, not a
 * writer who changes the seal too.
 */

/** The seal of a version as it is now; the record has its files. */
export function sealOf({ version, source, digest, files, tags, trained }: VersionRecord): string {
  const { model: _model, ...made } = trained ?? { model: null };
  const sealed = {
    version,
    source,
    digest,
    files: files.map((file) => [file.path, file.digest]).sort(inOrder),
    tags: tags
      .filter(({ key }) => isScoringTag(key))
      .map(({ key, value }) => [key, value])
      .sort(inOrder),
    trained: trained === null ? null : (made as Json),
  };
  return sha256Hex(new TextEncoder().encode(canonicalJson(sealed)));
}

/** The record of a version that is about to be loaded or given out. Errors: REGISTRY_VERSION, REGISTRY_SEAL. */
export async function loadableRecord(
  registry: Pick<ModelRegistry, 'versionRecord'>,
  model: string,
  version: number,
): Promise<VersionRecord> {
  const record = await mustRecord(registry, model, version);
  mustBeAsSealed(record);
  return record;
}

/** Refuses a version that is no longer what its aliases were set for. Error: REGISTRY_SEAL. */
export function mustBeAsSealed(record: VersionRecord): void {
  const { model, version, seals } = record;
  if (seals.length === 0) return;
  const now = sealOf(record);
  const broken = seals.filter(({ seal }) => seal !== now).map(({ alias }) => alias);
  if (broken.length > 0) throw fail('REGISTRY_SEAL', { model, version, aliases: broken });
}

function inOrder([a]: readonly string[], [b]: readonly string[]): number {
  return a < b ? -1 : 1;
}
