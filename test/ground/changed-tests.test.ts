import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readTests } from '../../scripts/changed-tests.ts';
import { root } from '../../scripts/run-command.ts';

const testsOfChange = readTests();

test('a change of any file of src concerns some tests, and no folder concerns half of them', () => {
  const tests = globSync('test/**/*.test.ts', { cwd: root, exclude: ['test/services/**'] });
  const folders = Map.groupBy(globSync('src/**/*.ts', { cwd: root }), (path) => path.split('/').slice(0, -1).join('/'));
  expect(folders.size).toBeGreaterThan(100);
  for (const [folder, [path = '']] of folders) {
    const concerned = testsOfChange([path]);
    expect(concerned.length, folder).toBeGreaterThan(0);
    expect(concerned.length, folder).toBeLessThan(tests.length / 2);
  }
});

test('a changed test concerns itself, a changed helper those that use it, also through other helpers', () => {
  expect(testsOfChange(['test/ground/changed-tests.test.ts'])).toEqual(['test/ground/changed-tests.test.ts']);
  const users = testsOfChange(['test/rollouts/versions.ts']);
  // Directly, and by sold-server.ts.
  expect(users).toContain('test/inference/batch-shadow.test.ts');
  expect(users).toContain('test/rollouts/ends-in-flight.test.ts');
  expect(users).not.toContain('test/ground/changed-tests.test.ts');
});

test('a change that no test can see concerns none', () => {
  expect(testsOfChange(['README.md', 'docs/guide/getting-started.md', 'package.json'])).toEqual([]);
});
