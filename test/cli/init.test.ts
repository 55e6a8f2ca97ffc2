import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { keysOf, placeAfter } from '../../src/cli/scaffold/choose.ts';
import { headraceDependency } from '../../src/cli/scaffold/headrace-dependency.ts';
import { packageManager } from '../../src/cli/scaffold/package-manager.ts';
import { projectFiles } from '../../src/cli/scaffold/project-files.ts';
import { templates, usualTemplate } from '../../src/cli/scaffold/templates.ts';
import { ownVersion } from '../../src/environment/own-version.ts';
import { childEnv } from '../child-env.ts';
import { ended, linkHeadrace, runCli, startCli } from './run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'headrace-init-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'project-'));
});

const NOW = Date.UTC(2026, 0, 1);
const SHARED = ['package.json', '.gitignore', '.npmrc'];
const own = Object.keys(projectFiles(root, usualTemplate, NOW)).filter((name) => !SHARED.includes(name));

test.each(own)('a folder that has %s is refused by its name, and nothing is written', async (name) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), 'mine');
  const before = readdirSync(folder, { recursive: true });
  expect(() => projectFiles(folder, usualTemplate, NOW)).toThrow(`"${name}"`);
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
  const files = projectFiles(folder, usualTemplate, NOW);
  const manifest = JSON.parse(files['package.json']) as typeof mine;
  expect(manifest).toMatchObject(mine);
  expect(manifest.dependencies).toHaveProperty('onnxruntime-node');
  expect(manifest.devDependencies).toHaveProperty(['@types/node']);
  expect(files['.gitignore'].split('\n').slice(0, 2)).toEqual(['mine', 'node_modules/']);
  expect(files['.gitignore'].match(/node_modules/g)).toHaveLength(1);
  writeFileSync(join(folder, '.gitignore'), files['.gitignore']);
  expect(projectFiles(folder, usualTemplate, NOW)['.gitignore']).toBe(files['.gitignore']);
});

test('the test script that npm init writes is replaced, as it always fails', () => {
  const scripts = { test: 'echo "Error: no test specified" && exit 1' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts }));
  expect(JSON.parse(projectFiles(folder, usualTemplate, NOW)['package.json'])).toMatchObject({
    scripts: { test: 'node --test' },
  });
});

test.each(['{', '[]', '{"scripts": 1}', '{"dependencies": {"a": 1}}'])('a package.json of %s is refused', (text) => {
  writeFileSync(join(folder, 'package.json'), text);
  expect(() => projectFiles(folder, usualTemplate, NOW)).toThrow(expect.objectContaining({ code: 'INIT_MANIFEST' }));
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
  const files = projectFiles(folder, usualTemplate, NOW);
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

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

test.each(templates.map((one) => [one.name, one] as const))(
  'template %s: its test passes, its README is short, and agents find their page',
  async (name, template) => {
    const made = await runCli(folder, ['init', '.', '--template', name, '--json']);
    expect(made).toMatchObject({ code: 0, err: '' });
    const files = projectFiles(mkdtempSync(join(root, 'other-')), template, NOW);
    expect(Object.keys(files)).toEqual(JSON.parse(made.out).files);
    expect(files['README.md'].trimEnd().split('\n').length).toBeLessThanOrEqual(40);
    expect(files['AGENTS.md']).toContain('npm test');
    expect(Object.keys(files).filter((file) => file.startsWith('data/')).length).toBeGreaterThan(1);
    linkHeadrace(folder);
    const bin = join(folder, 'node_modules', '.bin');
    mkdirSync(bin);
    const script = `#!/bin/sh\nexec "${process.execPath}" --conditions=headrace-source "${MAIN}" "$@"\n`;
    writeFileSync(join(bin, 'headrace'), script, { mode: 0o755 });
    const child = spawn(process.execPath, ['--conditions=headrace-source', '--test'], {
      cwd: folder,
      env: childEnv(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes;
    });
    const [code] = await once(child, 'close');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/pass [1-9]/) });
  },
  120_000,
);

test('where npm cannot install, the files are made and one message names the next step', async () => {
  const env = { npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0', npm_config_cache: folder };
  const made = await ended(startCli(folder, ['init', 'gpus', '--template', 'gpu', '--install'], env));
  expect(made).toMatchObject({
    code: 4,
    err: expect.stringMatching(/^INIT_INSTALL: .*127\.0\.0\.1:9.*\n.*npm install/m),
  });
  expect(made.err.split('\n').filter((line) => line !== '' && !line.startsWith('headrace: '))).toHaveLength(2);
  expect(readdirSync(join(folder, 'gpus'))).toContain('package.json');
});

test.each([
  ['npm/11.6.0 node/v24.0.0 linux x64', 'npm install', 'npm test', 'npx headrace', ['.npmrc']],
  ['pnpm/12.23.0 npm/? node/? linux x64', 'pnpm install', 'pnpm test', 'pnpm exec headrace', ['pnpm-workspace.yaml']],
  [
    'yarn/4.18.1 npm/? node/v24.0.0 linux x64',
    'yarn install',
    'yarn test',
    'yarn headrace',
    ['.yarnrc', '.yarnrc.yml'],
  ],
  ['bun/1.4.5 npm/? node/v26.3.0 linux x64', 'bun install', 'bun run test', 'bunx headrace', []],
  [undefined, 'npm install', 'npm test', 'npx headrace', ['.npmrc']],
] as const)(
  'a project made under %s has its settings, and its commands alone',
  (agent, install, run, call, settings) => {
    const manager = packageManager(agent ?? '');
    const all = ['.npmrc', 'pnpm-workspace.yaml', '.yarnrc', '.yarnrc.yml'];
    for (const template of templates) {
      const files = projectFiles(folder, template, NOW, manager);
      const text = Object.entries(files).map(([name, value]) => (name.endsWith('.csv') ? '' : value));
      const commands = text
        .join('\n')
        .match(
          /(?<![\w-])(?:(?:npm|pnpm|yarn) (?:install|test|headrace|exec \w+)|bun (?:install|run test)|(?:npx|bunx) headrace)/g,
        );
      expect(new Set([...(commands ?? []), install, run, call]), template.name).toEqual(new Set([install, run, call]));
      if (template.name === usualTemplate.name) expect(all.filter((name) => name in files)).toEqual(settings);
    }
    for (const name of settings) writeFileSync(join(folder, name), 'mine = 1\n');
    const kept = projectFiles(folder, usualTemplate, NOW, manager);
    for (const name of settings) expect(kept[name] ?? 'mine', name).toMatch(/^mine/);
  },
);

test('a template that calls the command line alone needs no package but this one', () => {
  for (const template of templates.filter(({ name }) => ['drift', 'gpu'].includes(name))) {
    const manifest = JSON.parse(projectFiles(folder, template, NOW)['package.json']);
    expect(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })).toEqual(['headrace']);
  }
});

test('arrow keys go round the choice, and bytes that are no key do nothing', () => {
  const after = (bytes: string) => keysOf(bytes).reduce((place, key) => placeAfter(place, key, 5), 1);
  expect(after('')).toBe(1);
  expect(after('\u001b[B\u001b[B')).toBe(3);
  expect(after('\u001b[A\u001b[A')).toBe(4);
  expect(after('\u001bOAx\u001b[Czj')).toBe(1);
  expect(keysOf('\u001b[B\r')).toEqual(['down', 'enter']);
  expect(keysOf('\u0003')).toEqual(['stop']);
});

test('an unknown template is refused with those that there are', async () => {
  const { code, err } = await runCli(folder, ['init', '--template', 'gpus']);
  expect(code).toBe(2);
  for (const { name } of templates) expect(err).toContain(name);
});
