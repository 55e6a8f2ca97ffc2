import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectPackage, projectPackages } from '../../src/process/project-package.ts';

const { peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

test('a package of the project that is absent is an error with the command that installs all of them', () => {
  const elsewhere = createRequire(join(tmpdir(), 'no-packages', 'program.js'));
  for (const name of ['fastify', 'lmdb', 'prom-client'] as const)
    expect(() => projectPackage(name, elsewhere)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_PACKAGES',
        message: expect.stringMatching(/npm install fastify@\d\S* lmdb@\d\S* prom-client@\d/),
      }),
    );
});

test('an error of a package that is there stays as it is', () => {
  const broken = Object.assign(new Error("Cannot find module 'other'"), { code: 'MODULE_NOT_FOUND' });
  const load = () => {
    throw broken;
  };
  expect(() => projectPackage('lmdb', load)).toThrow(broken);
});

test('no module loads an optional package when it is imported: its first use does, and says what is absent', () => {
  const optional = Object.keys(peerDependencies);
  expect(optional).toEqual(expect.arrayContaining(Object.keys(projectPackages())));
  const imports = globSync('src/**/*.ts', { exclude: ['src/testing/**'] }).flatMap((file) => {
    const found = readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)(?! type\b)[^;]*? from '((?:@[^/']+\/)?[^./'][^/']*)/gm,
    );
    return [...found].flatMap(([, name = '']) => (optional.includes(name) ? [`${file}: ${name}`] : []));
  });
  expect(imports).toEqual([]);
});
