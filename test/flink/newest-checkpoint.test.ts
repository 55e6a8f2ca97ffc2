import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newestCheckpointIn } from '../../src/backends/flink/tile-jobs.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flink-checkpoints-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function checkpoint(name: string, whole: boolean): void {
  mkdirSync(join(directory, name));
  if (whole) writeFileSync(join(directory, name, '_metadata'), '');
}

test('the newest whole checkpoint counts, by its number; one without metadata was not finished', () => {
  for (const name of ['chk-2', 'chk-9', 'chk-10', 'shared', 'taskowned']) checkpoint(name, true);
  checkpoint('chk-11', false);
  const found = newestCheckpointIn(pathToFileURL(directory).href);
  expect(found?.path).toBe(pathToFileURL(join(directory, 'chk-10')).href);
  // As Flink writes URLs of files in its configuration.
  expect(newestCheckpointIn(`file:${directory}`)?.path).toBe(found?.path);
});

test('what is not of this machine, or not there, has none', () => {
  checkpoint('chk-1', false);
  for (const folder of [null, 's3://bucket/checkpoints', `file://${directory}/absent`, pathToFileURL(directory).href])
    expect(newestCheckpointIn(folder)).toBeNull();
});
