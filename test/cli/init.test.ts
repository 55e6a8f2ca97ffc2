import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { headraceDependency } from '../../src/cli/scaffold/headrace-dependency.ts';
import { projectFiles } from '../../src/cli/scaffold/project-files.ts';
import { ownVersion } from '../../src/environment/own-version.ts';
import { runCli } from './run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'headrace-init-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'project-'));
});

const NOW = Date.UTC(2026, 0, 1);
const SHARED = ['package.json', '.gitignore', '.npmrc'];
const own = Object.keys(projectFiles(root, NOW)).filter((name) => !SHARED.includes(name));

test.each(own)('a folder that has %s is refused by its name, and nothing is written', async (name) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), 'mine');
  const before = readdirSync(folder, { recursive: true });
  expect(() => projectFiles(folder, NOW)).toThrow(`"${name}"`);
  if (name !== own[0]) return;
  expect(await runCli(folder, ['init'])).toMatchObject({ code: 2, err: expect.stringContaining('INIT_FOLDER') });
  expect(readdirSync(folder, { recursive: true })).toEqual(before);
});

test('what a package.json, .gitignore and .npmrc have stays, and what they lack is added', () => {
  const mine = {
    name: 'mine',
    type: 'commonjs',
    engines: { node: '>=24' },
    scripts: { dev: 'mine', test: 'vitest' },
    dependencies: { headrace: 'file:../mine.tgz', redis: '6' },
    devDependencies: { typescript: '7.0.2' },
    workspaces: ['a'],
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(mine));
  writeFileSync(join(folder, '.gitignore'), 'mine\nnode_modules/');
  const files = projectFiles(folder, NOW);
  const manifest = JSON.parse(files['package.json']) as typeof mine;
  expect(manifest).toMatchObject(mine);
  expect(manifest.dependencies).toHaveProperty('onnxruntime-node');
  expect(manifest.devDependencies).toHaveProperty(['@types/node']);
  expect(files['.gitignore'].split('\n').slice(0, 2)).toEqual(['mine', 'node_modules/']);
  expect(files['.gitignore'].match(/node_modules/g)).toHaveLength(1);
  writeFileSync(join(folder, '.gitignore'), files['.gitignore']);
  expect(projectFiles(folder, NOW)['.gitignore']).toBe(files['.gitignore']);
});

test('the test script that npm init writes is replaced, as it always fails', () => {
  const scripts = { test: 'echo "Error: no test specified" && exit 1' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts }));
  expect(JSON.parse(projectFiles(folder, NOW)['package.json'])).toMatchObject({ scripts: { test: 'node --test' } });
});

test.each(['{', '[]', '{"scripts": 1}', '{"dependencies": {"a": 1}}'])('a package.json of %s is refused', (text) => {
  writeFileSync(join(folder, 'package.json'), text);
  expect(() => projectFiles(folder, NOW)).toThrow(expect.objectContaining({ code: 'INIT_MANIFEST' }));
});

test.each([
  ['a tarball', 'file:../headrace 1.tgz', 'headrace 1.tgz'],
  ['a tarball with an encoded name', 'file:../headrace%201.tgz', 'headrace 1.tgz'],
  ['a registry', undefined, null],
  ['a registry by its address', 'https://packages.example/headrace.tgz', null],
])('a project depends on what it was made by, installed from %s', (_, resolved, file) => {
  const place = join(folder, 'npx');
  const package_ = join(place, 'node_modules', 'headrace');
  mkdirSync(package_, { recursive: true });
  const notes = { packages: { 'node_modules/headrace': resolved === undefined ? {} : { resolved } } };
  writeFileSync(join(place, 'node_modules', '.package-lock.json'), JSON.stringify(notes));
  for (const project of [place, join(folder, 'shop'), join(folder, 'a', 'b')]) {
    const dependency = headraceDependency(project, package_);
    if (file === null) expect(dependency).toBe(`^${ownVersion()}`);
    else expect(resolve(project, dependency.replace(/^file:/, ''))).toBe(join(folder, file));
  }
});

test('the sample data are two weeks of unique ids in order of time, and every purchase follows its visit', () => {
  const files = projectFiles(folder, NOW);
  const rows = (name: string) =>
    files[`data/${name}.csv`]
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
  const [visits, purchases] = [rows('visits'), rows('purchases')];
  const at = new Map(visits.map(([id, time]) => [id, Date.parse(time)]));
  expect(at.size).toBe(visits.length);
  const times = [...at.values()];
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times[0]).toBeGreaterThan(NOW - 15 * 86_400_000);
  // Labels of the newest visits have had their hour.
  expect(Math.max(...times)).toBeLessThan(NOW - 3_600_000);
  for (const [id, time] of purchases) {
    const after = Date.parse(time) - (at.get(id) ?? Number.NaN);
    expect(after > 0 && after <= 3_600_000).toBe(true);
  }
});

test('a file of the project is the one that the repository documents', () => {
  const page = readFileSync(new URL('../../docs/guide/getting-started.md', import.meta.url), 'utf8');
  for (const name of own.filter((each) => !each.includes('/'))) expect(page).toContain(name);
});
