import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from './run-cli.ts';

test.each([
  [['drift', 'compare'], 'CLI_WORDS', 'drift compare <reference> <current>'],
  [['drift', 'compare', 'a.csv', 'b.csv'], 'DRIFT_FILE', 'give a Parquet or CSV file'],
  [['gpu', 'diagnose', 'trace.json'], 'GPU_FILE', 'name an existing file'],
  [['plan'], 'CONFIG_FILE', 'create a project with headrace init'],
])('in an empty folder %j says what to do', async (args, code, step) => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-empty-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { code: exit, err } = await runCli(folder, args);
  expect(exit).toBe(2);
  expect(err).toContain(code);
  expect(err).toContain(step);
});
