import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WatchedFiles, watchFiles } from '../../src/cli/serve/watch-files.ts';
import { until } from '../until.ts';

let folder: string;
let files: WatchedFiles;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headrace-watch-'));
  for (const name of ['data/deep', 'database']) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['a.ts', 'b.ts', 'data/kept.json', 'data/deep/kept.json', 'database/c.ts']) write(name, 'before');
  files = watchFiles(folder);
});

afterEach(() => {
  files.close();
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

test('an edit is a change though a folder was left out after it', async () => {
  write('b.ts', 'after');
  write('data/kept.json', 'after');
  files.ignore(join(folder, 'data'));
  expect(await files.changed()).toBe('b.ts');
});

test('a folder that is left out is no change, and one whose name begins with its name still is', async () => {
  files.ignore(join(folder, 'data'));
  write('data/deep/kept.json', 'after');
  write('database/c.ts', 'after');
  expect(await files.changed()).toBe(join('database', 'c.ts'));
});

test('an edit is seen while a folder that is left out is written to all the time', async () => {
  files.ignore(join(folder, 'data'));
  let isOver = false;
  const change = files.changed().finally(() => {
    isOver = true;
  });
  write('a.ts', 'after');
  await until(() => {
    for (const name of ['data/log', 'data/deep/log']) write(name, 'more');
    return isOver;
  });
  expect(await change).toBe('a.ts');
});

test('the data may be in the folder itself or around it, whose files are watched all the same', async () => {
  for (const data of [folder, tmpdir()]) files.ignore(data);
  write('b.ts', 'after');
  expect(await files.changed()).toBe('b.ts');
});
