import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { childEnv } from '../child-env.ts';

const START = fileURLToPath(new URL('../../src/cli/start.ts', import.meta.url));
const MANIFEST = new URL('../../package.json', import.meta.url);

// The file alone: whatever it imports is not there, so that an import before the gate fails the test.
const folder = mkdtempSync(join(tmpdir(), 'headrace-start-'));
copyFileSync(START, join(folder, 'start.ts'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the command line on a Node that says that it is another version. */
function startOn(version: string) {
  const alter = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(alter)}`, join(folder, 'start.ts'), '--help'];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: childEnv() });
}

test.each(['0.12.18', '14.21.3', '18.20.8', '20.20.2', '21.99.0', '22.21.9'])(
  'Node %s is refused in one sentence, before anything is imported',
  (version) => {
    const { status, stdout, stderr } = startOn(version);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^headrace needs Node 22\.22 or newer, and \S+ is Node \d+\.\d+\.\d+: .*\.\n$/);
    expect(stderr).toContain(version);
  },
);

test.each(['22.22.0', '22.23.1', '23.0.0', '24.21.0', '100.0.0'])('Node %s goes on to the command line', (version) => {
  expect(startOn(version).stderr).toContain('ERR_MODULE_NOT_FOUND');
});

test('the gate is that of package.json', () => {
  const { engines } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { engines: { node: string } };
  expect(startOn('0.0.1').stderr).toContain(`Node ${engines.node.replace('>=', '')} or newer`);
});
