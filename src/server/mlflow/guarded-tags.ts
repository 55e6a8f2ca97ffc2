import { fail } from '../../base/errors/fail.ts';
import type { MlflowContext, MlflowRequest } from './mlflow-route.ts';

/** Tags that this program reads: they say where a version comes from and how it scores. */
const GUARDED = 'headrace.';

/**
 * Refuses to set or delete guarded tags of something that exists without the scope for it. A new run, model or version
 * gets any tags: nothing points at it yet. Error: AUTH_SCOPE.
 */
export function guardTags(keys: readonly string[], { needs }: Pick<MlflowRequest, 'needs'>): void {
  if (keys.some((key) => key.startsWith(GUARDED))) needs('promote');
}

/** The same for a version, and refuses it while an alias points at the version. Errors: AUTH_SCOPE, REGISTRY_SEALED. */
export async function guardVersionTag(
  { registry }: Pick<MlflowContext, 'registry'>,
  request: Pick<MlflowRequest, 'needs'>,
  { model, version, key }: { readonly model: string; readonly version: number; readonly key: string },
): Promise<void> {
  if (!key.startsWith(GUARDED)) return;
  guardTags([key], request);
  const aliases = (await registry.versionRecord(model, version))?.aliases ?? [];
  if (aliases.length > 0) throw fail('REGISTRY_SEALED', { model, by: aliases.map((alias) => `alias ${alias}`) });
}
