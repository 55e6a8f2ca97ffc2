import type { Environment } from '../environment/config.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import { rowOf } from '../ports/back-end-row.ts';
import { artifactStores } from './back-ends/artifact-stores.ts';
import { BoundedArtifacts, roomOf } from './bounded-artifacts.ts';
import { secretOf } from './secrets.ts';

/** Opens the artefacts of an environment; a place without `disk` only reads them. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
export async function openArtifacts({
  directory,
  artifacts,
  disk = {},
}: Pick<Environment, 'directory' | 'artifacts'> & Partial<Pick<Environment, 'disk'>>): Promise<ArtifactStore> {
  const row = rowOf(artifactStores, artifacts);
  const store = await row.open(artifacts, { directory, secretOf });
  return row.facts.includes('shared') ? store : new BoundedArtifacts(store, roomOf({ directory, disk }));
}
