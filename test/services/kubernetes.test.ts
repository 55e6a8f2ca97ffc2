// @module-tag deep
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { parseExportJob } from '../../src/training/export/export-job.ts';
import { kubernetesJob } from '../../src/training/export/export-kubernetes.ts';
import { addressOf } from './addresses.ts';

const given = { version: 1, name: 'late', command: ['python3', 'train.py'], steps: 40, image: 'late:3', claim: 'runs' };
const jobs = [{}, { gpus: 8, queue: 'team', spot: true, graceSeconds: 120 }, { hours: 0.5, options: { rate: 0.1 } }];

/** What the schemas find wrong with objects. */
async function check(objects: readonly unknown[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'objects.json');
  writeFileSync(path, JSON.stringify(objects));
  const [python = ''] = addressOf('SKYPILOT_PYTHON');
  const { code, stdout, output } = await runCommand(python, [
    resolve('test/services/python/check-kubernetes.py'),
    path,
  ]);
  expect(code, output).toBe(0);
  return stdout;
}

test('exported Jobs fit the schemas of Kubernetes, and a member that they do not have is found', async () => {
  const objects = jobs.map((more) => kubernetesJob(parseExportJob({ ...given, ...more })));
  expect(await check(objects)).toBe('');
  expect(await check(objects.map((job) => ({ ...job, spec: { ...job.spec, retries: 3 } })))).toContain('retries');
});
