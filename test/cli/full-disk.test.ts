import { expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { absentPackage } from '../../src/cli/absent-package.ts';
import { diskLine, fullDisk } from '../../src/cli/full-disk.ts';

const system = (code: string, message: string) => Object.assign(new Error(`${code}: ${message}`), { code });
const full = system('ENOSPC', 'no space left on device, write');
const broken = system('EIO', 'Input/output error');

test('a write that found no room is an error with the next step, and any other is not', () => {
  expect(fullDisk(full)).toMatchObject({ code: 'CLI_DISK', hint: expect.stringContaining('free') });
  expect(fullDisk(broken)).toBeNull();
  expect(fullDisk(fail('CLI_TEXT', { word: 'ENOSPC' }))).toBeNull();
});

test.each([
  ['a full disk below a catalogued error', full, 2 ** 40, true],
  ['a mapped file on a disk without room', broken, 2 ** 20, true],
  ['a mapped file on a disk with room', broken, 2 ** 40, false],
  ['another cause', system('EACCES', 'permission denied'), 0, false],
] as const)('%s', (_, cause, free, says) => {
  const error = fail('CONFIG_DIRECTORY', { directory: 'd', reason: cause.message }, cause);
  expect(diskLine(error, () => free) !== null).toBe(says);
});

test.each([
  ["Cannot find package '@duckdb/node-api' imported from /x.js", 'CLI_PACKAGE'],
  ["Cannot find package 'mine' imported from /project.ts", undefined],
  ["Cannot find module './lmdb'", undefined],
])('%s: %s', (message, code) => {
  const error = Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' });
  expect(absentPackage(error)?.code).toBe(code);
  // A declaration imports this package, and its loader wraps the error.
  const wrapped = fail('CONFIG_FILE', { path: 'headrace.config.ts', reason: message }, error);
  expect(absentPackage(wrapped)?.code).toBe(code);
  expect(absentPackage(new Error(message))).toBeNull();
});
