import { globSync, readFileSync } from 'node:fs';
import { root } from '../run-command.ts';

/** The test files that search more in the deep tests than in the gate: those that import test/runs.ts. */
export function searchingTests(): readonly string[] {
  return globSync('test/**/*.test.ts', { cwd: root, exclude: ['test/services/**', 'test/ground/seeded/**'] })
    .filter((path) => /from '[./]+\/runs\.ts'/.test(readFileSync(`${root}/${path}`, 'utf8')))
    .sort();
}
