import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RemoteWrites } from '../../src/ports/remote-writes.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { openRemoteFiles } from '../../src/site/file-reader.ts';
import { remoteWritesContracts } from '../../src/testing/contracts/remote-writes.ts';
import { batchSite, inputRows, siteContext, writeInput } from '../inference/batch-site.ts';
import { small } from '../models/small-project.ts';
import { addressOf } from './addresses.ts';

const [endpoint = ''] = addressOf('S3_ENDPOINT');
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1', credentials });
const bucket = `batch-${process.pid}`;
let store: RemoteWrites;

beforeAll(async () => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  store = await openRemoteFiles();
});

afterAll(() => {
  store.close();
  client.destroy();
});

describe('S3 keeps the rules of writes', () => {
  test.each(remoteWritesContracts)('rule $rule: $name', async ({ rule, run }) => {
    await run({ store, url: `s3://${bucket}/contract-${rule}` });
  });
});

test('a batch job from S3 to S3 has the bytes of a job in folders; a store that is away is named', async () => {
  const site = await batchSite();
  const input = await writeInput(inputRows(600), join(site, 'in.csv'));
  const local = join(site, 'local');
  await (await startBatch(small, { from: input, to: local, workers: 1 }, siteContext(site))).result;
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'rows/in.csv', Body: readFileSync(input) }));
  const options = { from: `s3://${bucket}/rows/in.csv`, to: `s3://${bucket}/scores`, workers: 1 };
  const run = async () => (await startBatch(small, options, siteContext(site))).result;
  const { files, isNew } = await run();
  expect(isNew).toBe(true);
  for (const url of [...files, `${options.to}/_MANIFEST.json`]) {
    const [listed] = await store.list(url);
    const copy = join(site, 'copy');
    await store.download(listed, copy);
    expect(readFileSync(copy).equals(readFileSync(join(local, url.slice(options.to.length))))).toBe(true);
  }
  expect((await run()).isNew).toBe(false);
  process.env['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:1';
  try {
    await expect(run()).rejects.toMatchObject({ code: 'REMOTE_STORE' });
  } finally {
    process.env['AWS_ENDPOINT_URL'] = endpoint;
  }
});
