import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/guide/deploying.md'), 'utf8');

/** A project with the files that the page copies, by the commands of the page. */
function copied(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-deploy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/headrace'));
  for (const name of ['package.json', 'package-lock.json', 'headrace.key']) writeFileSync(join(folder, name), '{}');
  const commands = page.split('\n').filter((line) => line.startsWith('cp '));
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) execFileSync('sh', ['-ec', command], { cwd: folder });
  return folder;
}

test('the package has the folder that the page copies from', () => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly files: readonly string[];
  };
  expect(files).toContain('deploy');
});

test('every path of the compose file and of its image is there after the commands of the page', () => {
  const folder = copied();
  const compose = readFileSync(join(folder, 'compose.yaml'), 'utf8');
  const paths = [...compose.matchAll(/(?:- |file: )(\.{1,2}\/[^:\s]+)/g)].map(([, path]) => path);
  expect(paths).toContain('./headrace.key');
  expect(compose).toContain('build: .');
  const image = readFileSync(join(folder, 'Dockerfile'), 'utf8');
  const sources = [...image.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from]) => from.split(' '));
  const named = sources.filter((source) => !source.startsWith('--') && !source.includes('*'));
  expect(named).toContain('package.json');
  for (const path of [...paths, ...named]) expect([path, existsSync(join(folder, path))]).toEqual([path, true]);
});

test('the rules of Prometheus have the name that its configuration reads', () => {
  const folder = copied();
  const configuration = readFileSync(join(folder, 'prometheus.yml'), 'utf8');
  for (const [, name] of configuration.matchAll(/^ {2}- (\S+\.yml)$/gm))
    expect(existsSync(join(folder, name)), name).toBe(true);
  expect(readFileSync(join(folder, 'compose.yaml'), 'utf8')).toContain(
    './prometheus.yml:/etc/prometheus/prometheus.yml',
  );
});

test('the tarball of a project is in the context of its image', () => {
  const ignored = readFileSync(join(copied(), '.dockerignore'), 'utf8').split('\n');
  expect(ignored).not.toContain('*.tgz');
  expect(readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8')).toMatch(/^COPY package\.json .*\*\.tgz \.\/$/m);
});
