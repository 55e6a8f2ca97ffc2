// @module-tag deep

import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastJson, spawnCli } from '../cli/run-cli.ts';
import { addressOf } from './addresses.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const [endpoint = ''] = addressOf('S3_ENDPOINT');
const root = mkdtempSync(join(tmpdir(), 'headrace-s3-'));
const shop = join(root, 'shop');
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1', credentials });

beforeAll(async () => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  });
  expect(await spawnCli(root, ['init', 'shop'])).toMatchObject({ code: 0 });
  mkdirSync(join(shop, 'node_modules'));
  symlinkSync(REPOSITORY, join(shop, 'node_modules', 'headrace'));
  await client.send(new CreateBucketCommand({ Bucket: 'lake' }));
});

afterAll(() => {
  client.destroy();
  rmSync(root, { recursive: true, force: true });
});

const put = (key: string, body: string) => client.send(new PutObjectCommand({ Bucket: 'lake', Key: key, Body: body }));

/** Orders of one month as CSV. */
function orders(month: number, count: number): string {
  const rows = Array.from({ length: count }, (_, i) => {
    const day = String(1 + (i % 28)).padStart(2, '0');
    return `o${month}-${i},2025-0${month}-${day}T12:00:00Z,ada,1.50`;
  });
  return `id,at,user,price\n${rows.join('\n')}\n`;
}

const ingest = (...paths: readonly string[]) =>
  spawnCli(shop, ['ingest', 'purchases', ...paths, '--bootstrap', '--json']);

const copies = () => readdirSync(join(shop, '.headrace', 'ingest', 'copies'));

test('one file and all files below a prefix are ingested, each row once; a changed file is read again', async () => {
  await put('orders/1.csv', orders(1, 30));
  await put('orders/more/2.csv', orders(2, 40));
  await put('orders/', '');
  await put('other/3.csv', orders(3, 50));
  expect(lastJson(await ingest('s3://lake/orders/'))).toMatchObject({ rows: 70, accepted: 70, whole: true });
  expect(copies()).toEqual([]);
  expect(lastJson(await ingest('s3://lake/other/3.csv'))).toMatchObject({ rows: 50, accepted: 50 });
  await put('other/3.csv', orders(3, 60));
  expect(lastJson(await ingest('s3://lake/other/3.csv'))).toMatchObject({ rows: 60, resumed: 0, whole: true });
});

test('a file that is not there, a prefix without files and a store that is away are named with a code', async () => {
  const codes = async (path: string) => (lastJson(await ingest(path)) as { error: unknown }).error;
  expect(await codes('s3://lake/none.csv')).toMatchObject({ code: 'REMOTE_FILE' });
  expect(await codes('s3://lake/nothing/')).toMatchObject({ code: 'REMOTE_FILE' });
  expect(await codes('s3://')).toMatchObject({ code: 'REMOTE_FILE' });
  expect(await codes('s3://nobody/a.csv')).toMatchObject({ code: 'REMOTE_FILE' });
  process.env['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:1';
  try {
    expect(await codes('s3://lake/orders/1.csv')).toMatchObject({ code: 'REMOTE_STORE' });
  } finally {
    process.env['AWS_ENDPOINT_URL'] = endpoint;
  }
});
