import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { openArtifacts } from '../../src/site/open-artifacts.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { inputRows, outputBytes, writeInput } from '../inference/batch-site.ts';
import { asked, came, registerSmall, small } from '../models/small-project.ts';
import { addressOf } from './addresses.ts';

const [endpoint = ''] = addressOf('S3_ENDPOINT');
const ROWS = 12_000;
const directory = mkdtempSync(join(tmpdir(), 'headrace-s3-batch-'));
const options = {
  directory,
  artifacts: {
    kind: 's3',
    endpoint,
    bucket: `models-${randomUUID().slice(0, 8)}`,
    prefix: 'shop',
    accessKeyId: { env: 'S3_BATCH_ID' },
    secretAccessKey: { env: 'S3_BATCH_SECRET' },
  },
} as const;
let headrace: Headrace;
let from: string;

beforeAll(async () => {
  Object.assign(process.env, { S3_BATCH_ID: 'id', S3_BATCH_SECRET: 'secret' });
  expect((await fetch(`${endpoint}/${options.artifacts.bucket}`, { method: 'PUT' })).ok).toBe(true);
  headrace = await openHeadrace({ project: defineProject('p', { asked, came, small }), environment: options });
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = await openArtifacts(resolveEnvironment('local', options, 'p'));
  await registerSmall(registry, artifacts, 1);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  await registry.close();
  from = await writeInput(inputRows(ROWS), join(directory, 'in.parquet'));
});

afterAll(async () => {
  await headrace?.close();
});

/** Worker processes of this process's jobs. */
function workers(): readonly number[] {
  const lines = execFileSync('ps', ['-o', 'pid,args', '--ppid', `${process.pid}`], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes('batch-worker')).map((line) => Number.parseInt(line, 10));
}

test('workers load their model from S3; one that is killed changes no byte', async () => {
  // Nothing of the model is on this disk, but what passes through.
  expect(existsSync(join(directory, 'artifacts', 'aa'))).toBe(false);
  const whole = join(directory, 'whole');
  const { result } = await headrace.startBatch(small, { from, to: whole, workers: 2 });
  expect(await result).toMatchObject({ rows: ROWS, quarantined: 0, isNew: true });
  const killed = join(directory, 'killed');
  let kills = 0;
  const onProgress = () => {
    const [victim] = workers();
    if (kills > 0 || victim === undefined) return;
    kills += 1;
    process.kill(victim, 'SIGKILL');
  };
  const job = await headrace.startBatch(small, { from, to: killed, workers: 2, onProgress });
  expect((await job.result).isNew).toBe(true);
  expect(kills).toBe(1);
  expect(outputBytes(killed)).toEqual(outputBytes(whole));
});

test('workers without the secret of the store end the job with its code, and the same call resumes', async () => {
  const to = join(directory, 'away');
  const secret = process.env['S3_BATCH_SECRET'];
  delete process.env['S3_BATCH_SECRET'];
  try {
    const job = await headrace.startBatch(small, { from, to, workers: 1 });
    await expect(job.result).rejects.toMatchObject({ code: 'CONFIG_SECRET' });
  } finally {
    process.env['S3_BATCH_SECRET'] = secret;
  }
  const again = await headrace.startBatch(small, { from, to, workers: 1 });
  expect((await again.result).isNew).toBe(true);
  expect(outputBytes(to)).toEqual(outputBytes(join(directory, 'whole')));
});
