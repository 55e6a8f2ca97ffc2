// @module-tag deep
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { adapterText } from '../../src/cost/profile/adapter-text.ts';
import { measureJob } from '../../src/cost/profile/measure-job.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import { addressOf } from './addresses.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-torch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'headrace_profile.py'), adapterText);

const program = fileURLToPath(new URL('./torch-job.py', import.meta.url));
const environment = {
  PYTHONPATH: `${addressOf('TORCH_PYTHONPATH')[0]}:${folder}`,
  LD_LIBRARY_PATH: addressOf('TORCH_LIBRARIES')[0] ?? '',
};
const command = [
  'env',
  ...Object.entries(environment).map((entry) => entry.join('=')),
  'JOB_PAUSE=0.002',
  'JOB_K=2',
  '/usr/bin/python3',
  program,
];

test('a real training loop is measured three ways, with a trace that the readers take', async () => {
  const trace = join(folder, 'trace.json');
  const profile = await measureJob({
    command,
    steps: 20,
    warm: 3,
    accumulation: 2,
    facts: { model: 'mlp', gpus: 1, accelerator: null, precision: 'fp32', revision: null, command: null, files: null },
    mostRounds: 2,
    trace,
    limitMs: 1_800_000,
    nowMs: 0,
    progress: () => {},
    stopped: new Promise(() => {}),
  });
  expect(profile.microBatch).toBe(64);
  expect(profile.loaderS).toBeGreaterThanOrEqual(0.002);
  expect(profile.gpuBoundStepS).toBeLessThanOrEqual(profile.stepS);
  const source = await readSource(trace);
  expect(source.kind).toBe('trace');
});

test('without the variables of a measurement the adapter changes no loss', async () => {
  const plain = join(folder, 'plain');
  const { mkdirSync } = await import('node:fs');
  mkdirSync(plain);
  writeFileSync(join(plain, 'headrace_profile.py'), 'profiled = lambda loader: loader\n');
  const env = { ...environment, JOB_BATCHES: '20' };
  const ours = await runCommand('/usr/bin/python3', [program], { env });
  const bare = await runCommand('/usr/bin/python3', [program], {
    env: { ...env, PYTHONPATH: `${addressOf('TORCH_PYTHONPATH')[0]}:${plain}` },
  });
  expect(ours.code).toBe(0);
  expect(ours.stdout).toMatch(/^\d+\.\d{9}\n$/);
  expect(bare.stdout).toBe(ours.stdout);
});
