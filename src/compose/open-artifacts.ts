import { join } from 'node:path';
import { FileArtifactStore } from '../backends/embedded/artifacts/file-artifact-store.ts';
import { S3ArtifactStore, type S3Options } from '../backends/s3/s3-artifact-store.ts';
import type { Environment } from '../environment/config.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import { secretOf } from './secrets.ts';

/** Opens the artefacts of an environment. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
export async function openArtifacts({
  directory,
  artifacts,
}: Pick<Environment, 'directory' | 'artifacts'>): Promise<ArtifactStore> {
  if (artifacts.kind === 'directory') return new FileArtifactStore(join(directory, 'artifacts'));
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
