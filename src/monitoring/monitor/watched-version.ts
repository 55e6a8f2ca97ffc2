import { isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { lineageOf } from '../../registry/lineage.ts';
import { mustRecord } from '../../registry/must-record.ts';
import type { Watched } from './judge-windows.ts';
import { decodeReference, type Reference } from './reference.ts';

/**
 * A version of a model with its reference: of the training job that made it, or of its tag `headrace.reference`. A reference that
 * cannot be read is none: the monitors say so. Errors: REGISTRY_*.
 */
export async function watchedVersion(
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
  model: ModelData,
  version: number,
): Promise<Watched> {
  const digest = lineageOf(await mustRecord(registry, model.name, version)).reference;
  return { model, version, reference: digest === null ? null : await readReference(artifacts, digest) };
}

/** The champions of models with their references; models without a champion are left out. Errors: REGISTRY_*. */
export async function watchedChampions(
  stores: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
  models: readonly ModelData[],
): Promise<readonly Watched[]> {
  const found: Watched[] = [];
  for (const model of models) {
    const version = await stores.registry.alias(model.name, CHAMPION);
    if (version !== null) found.push(await watchedVersion(stores, model, version));
  }
  return found;
}

async function readReference(artifacts: ArtifactStore, digest: string): Promise<Reference | null> {
  try {
    return decodeReference(await artifacts.get(digest));
  } catch (error) {
    if (isHeadraceError(error) && UNREADABLE.includes(error.code)) return null;
    throw error;
  }
}

const UNREADABLE: readonly string[] = ['ARTIFACT_UNKNOWN', 'DRIFT_PROFILE'];
