import { join } from 'node:path';
import type { z } from 'zod';
import type { ArtifactFact, ArtifactPlace, OpenArtifacts } from '../../ports/artifact-back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { s3Options } from './options.ts';
import { S3ArtifactStore } from './s3-artifact-store.ts';

/** Artefacts as objects of a bucket. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
export const s3Artifacts: BackEndRow<z.output<typeof s3Options>, ArtifactPlace, OpenArtifacts, ArtifactFact> = {
  kind: 's3',
  folder: 's3',
  is: 'objects of a bucket of S3, or of a store that speaks its protocol',
  options: s3Options,
  facts: ['shared'],
  open: ({ endpoint, region, bucket, prefix = '', accessKeyId, secretAccessKey }, { directory, secretOf }) =>
    S3ArtifactStore.open({
      endpoint,
      region,
      bucket,
      prefix,
      accessKeyId: secretOf(accessKeyId, 'artifacts.accessKeyId'),
      secretAccessKey: secretOf(secretAccessKey, 'artifacts.secretAccessKey'),
      spool: join(directory, 'artifacts', 'staging'),
    }),
};
