import { join } from 'node:path';
import { FileArtifactStore } from '../backends/embedded/artifacts/file-artifact-store.ts';
import { S3ArtifactStore, type S3Options } from '../backends/s3/s3-artifact-store.ts';
import type { Environment } from '../environment/config.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import { BoundedArtifacts, roomOf } from './bounded-artifacts.ts';
import { secretOf } from './secrets.ts';

/** Opens the artefacts of an environment; a place without `disk` only reads them. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
export async function openArtifacts({
  directory,
  artifacts,
  disk = {},
}: Pick<Environment, 'directory' | 'artifacts'> & Partial<Pick<Environment, 'disk'>>): Promise<ArtifactStore> {
  if (artifacts.kind === 'directory')
    return new BoundedArtifacts(new FileArtifactStore(join(directory, 'artifacts')), roomOf({ directory, disk }));
  const { endpoint, region, bucket, prefix = '' } = artifacts;
  return openS3Artifacts({
    endpoint,
    region,
    bucket,
    prefix,
    accessKeyId: secretOf(artifacts.accessKeyId, 'artifacts.accessKeyId'),
    secretAccessKey: secretOf(artifacts.secretAccessKey, 'artifacts.secretAccessKey'),
    spool: join(directory, 'artifacts', 'staging'),
  });
}

/** Opens artefacts in a bucket. Error: ARTIFACT_CLIENT. */
export function openS3Artifacts(options: S3Options): Promise<ArtifactStore> {
  return S3ArtifactStore.open(options);
}
