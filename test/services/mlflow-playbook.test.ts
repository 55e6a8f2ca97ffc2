// @module-tag deep
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { cached } from '../../scripts/services/service.ts';
import { lineageOf } from '../../src/registry/lineage.ts';
import { insideOf } from '../../src/running/inside.ts';
import { driftToPromotion, openLoggedRun, PROMOTION } from '../playbook/logged-run.ts';
import { addressOf } from './addresses.ts';

test('a drift ends in the promotion of a version that a program in Python trained, and logged by MLflow', async () => {
  const [interpreter = ''] = addressOf('MLFLOW_MODELS');
  const directory = mkdtempSync(join(tmpdir(), 'headrace-mlflow-playbook-'));
  const environments = cached('python-environments');
  mkdirSync(environments, { recursive: true });
  symlinkSync(environments, join(directory, 'python'));
  const program = fileURLToPath(new URL('./python/train_logged.py', import.meta.url));
  const models = { python: { interpreter, memory: '4GiB' } } as const;
  const { run, close } = await openLoggedRun(directory, [interpreter, program], { models });
  onTestFinished(async () => {
    await close();
    rmSync(directory, { recursive: true, force: true });
  });
  await run.firstChampion();
  expect(await driftToPromotion(run)).toEqual(PROMOTION);
  const { registry } = insideOf(run.headrace).stores;
  expect(await registry.alias('watched', 'champion')).toBe(2);
  const record = await registry.versionRecord('watched', 2);
  expect(record?.trained).toBeNull();
  expect(record === null ? null : lineageOf(record).reference).toMatch(/^[0-9a-f]{64}$/);
  expect(run.faults).toEqual([]);
}, 1_800_000);
