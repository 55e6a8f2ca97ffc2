import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { expect, test } from 'vitest';
import { S3ArtifactStore } from '../../src/backends/s3/s3-artifact-store.ts';
import { artifactStoreContracts } from '../../src/testing/contracts/artifact-store.ts';

/** A server of S3, and an account that may do all. */
export interface S3Site {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A client that signs what it sends. */
export function clientOf({ accessKeyId, secretAccessKey }: S3Site): AwsClient {
  return new AwsClient({ accessKeyId, secretAccessKey, region: 'us-east-1', service: 's3', retries: 0 });
}

/** Options of a bucket that nobody else has. */
export async function freshBucket(site: S3Site) {
  const bucket = `test-${randomUUID().slice(0, 8)}`;
  expect((await clientOf(site).fetch(`${site.endpoint}/${bucket}`, { method: 'PUT' })).ok).toBe(true);
  const spool = join(mkdtempSync(join(tmpdir(), 'headrace-spool-')), 'staging');
  return { ...site, region: 'us-east-1', bucket, prefix: 'models', spool };
}

/** The tests that every store of S3 passes. */
export function artifactTests(site: S3Site): void {
  test.each(artifactStoreContracts)('rule $rule: $name', async ({ run }) => {
    const options = await freshBucket(site);
    await run({ open: () => S3ArtifactStore.open(options) });
  });

  test('an object with other bytes is ARTIFACT_DAMAGED, a store that is away ARTIFACT_READ', async () => {
    const options = await freshBucket(site);
    const store = await S3ArtifactStore.open(options);
    const digest = await store.put(new TextEncoder().encode('a model'));
    const object = `${site.endpoint}/${options.bucket}/models/${digest.slice(0, 2)}/${digest}`;
    expect((await clientOf(site).fetch(object, { method: 'PUT', body: 'other' })).status).toBe(200);
    await expect(store.get(digest)).rejects.toMatchObject({ code: 'ARTIFACT_DAMAGED' });
    const away = await S3ArtifactStore.open({ ...options, endpoint: 'http://127.0.0.1:1' });
    await expect(away.get(digest)).rejects.toMatchObject({ code: 'ARTIFACT_READ' });
  });
}
