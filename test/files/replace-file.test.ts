import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceFile } from '../../src/files/replace-file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headrace-replace-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a file has its new content, and nothing else is left in its folder', () => {
  const path = join(folder, 'state.json');
  for (const content of ['one', new Uint8Array([0, 255, 10]), '']) {
    replaceFile(path, content);
    expect(readFileSync(path)).toEqual(Buffer.from(content));
    expect(readdirSync(folder)).toEqual(['state.json']);
  }
});

test('a private file is private from its first byte, whatever it was before', () => {
  const path = join(folder, 'secret');
  for (const left of [path, `${path}.tmp`]) writeFileSync(left, 'old', { mode: 0o644 });
  replaceFile(path, 'new', 0o600);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a disk that is full leaves the old content', () => {
  const path = join(folder, 'state.json');
  replaceFile(path, 'old');
  symlinkSync('/dev/full', `${path}.tmp`);
  expect(() => replaceFile(path, 'new')).toThrow(/ENOSPC/);
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(existsSync(`${path}.tmp`)).toBe(false);
});

test('a next file of a process that died is replaced', () => {
  const path = join(folder, 'state.json');
  writeFileSync(`${path}.tmp`, 'a longer text that was cut off');
  replaceFile(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
});
