import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { describe, expect, test } from 'vitest';
import { openS3Artifacts } from '../../src/compose/open-registry.ts';
import { artifactStoreContracts } from '../../src/testing/contracts/artifact-store.ts';
import { addressOf } from './addresses.ts';

const [endpoint = ''] = addressOf('S3_ENDPOINT');

/** Options of a bucket that nobody else has. */
async function freshBucket() {
  const bucket = `test-${randomUUID().slice(0, 8)}`;
  expect((await fetch(`${endpoint}/${bucket}`, { method: 'PUT' })).ok).toBe(true);
  const spool = join(mkdtempSync(join(tmpdir(), 'headrace-spool-')), 'staging');
  return {
    endpoint,
    region: 'us-east-1',
    bucket,
    prefix: 'models',
    accessKeyId: 'id',
    secretAccessKey: 'secret',
    spool,
  };
}

describe('artefacts on S3 keep the rules of their port', () => {
  test.each(artifactStoreContracts)('rule $rule: $name', async ({ run }) => {
    const options = await freshBucket();
    await run({ open: () => openS3Artifacts(options) });
  });
});

test('an object with other bytes is ARTIFACT_DAMAGED, a store that is away ARTIFACT_READ', async () => {
  const options = await freshBucket();
  const store = await openS3Artifacts(options);
  const digest = await store.put(new TextEncoder().encode('a model'));
  const object = `${endpoint}/${options.bucket}/models/${digest.slice(0, 2)}/${digest}`;
  const client = new AwsClient({ accessKeyId: 'id', secretAccessKey: 'secret', region: 'us-east-1', service: 's3' });
  expect((await client.fetch(object, { method: 'PUT', body: 'other' })).status).toBe(200);
  await expect(store.get(digest)).rejects.toMatchObject({ code: 'ARTIFACT_DAMAGED' });
  const away = await openS3Artifacts({ ...options, endpoint: 'http://127.0.0.1:1' });
  await expect(away.get(digest)).rejects.toMatchObject({ code: 'ARTIFACT_READ' });
});
