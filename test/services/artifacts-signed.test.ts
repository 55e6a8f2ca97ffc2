// @module-tag deep
import { describe, expect, test } from 'vitest';
import { S3ArtifactStore } from '../../src/backends/s3/s3-artifact-store.ts';
import { addressOf } from './addresses.ts';
import { artifactTests, clientOf, freshBucket } from './s3-artifacts.ts';

const [endpoint = '', accessKeyId = '', secretAccessKey = ''] = addressOf('VERSITYGW');
const site = { endpoint, accessKeyId, secretAccessKey };
const isMissing = endpoint.startsWith('none:');
if (isMissing) console.warn(`skipped: versitygw cannot be built here: ${addressOf('VERSITYGW').join(',').slice(5)}`);

describe.skipIf(isMissing)('artefacts on a server of S3 that checks signatures', () => {
  artifactTests(site);

  test('a wrong secret reads, writes, lists and erases nothing', async () => {
    const options = await freshBucket(site);
    const store = await S3ArtifactStore.open(options);
    const digest = await store.put(new TextEncoder().encode('a model'));
    const thief = await S3ArtifactStore.open({ ...options, secretAccessKey: 'wrong' });
    const denied = { message: expect.stringContaining('403') };
    await expect(thief.get(digest)).rejects.toMatchObject({ code: 'ARTIFACT_READ', ...denied });
    await expect(thief.size(digest)).rejects.toMatchObject({ code: 'ARTIFACT_READ', ...denied });
    await expect(thief.put(Uint8Array.of(1))).rejects.toMatchObject({ code: 'ARTIFACT_WRITE', ...denied });
    await expect(thief.erase(digest)).rejects.toMatchObject({ code: 'ARTIFACT_WRITE', ...denied });
    await expect(Array.fromAsync(thief.digests())).rejects.toMatchObject({ code: 'ARTIFACT_READ', ...denied });
    expect(await Array.fromAsync(store.digests())).toEqual([digest]);
  });

  test('bytes that differ from the signed digest are not stored', async () => {
    const options = await freshBucket(site);
    const digest = 'ab'.repeat(32);
    const object = `${endpoint}/${options.bucket}/models/ab/${digest}`;
    const headers = { 'x-amz-content-sha256': digest };
    expect((await clientOf(site).fetch(object, { method: 'PUT', body: 'other', headers })).status).toBe(400);
    expect(await (await S3ArtifactStore.open(options)).size(digest)).toBe(null);
  });
});
