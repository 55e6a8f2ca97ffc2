import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { trackedFiles } from '../../scripts/check/tracked.ts';
import { root } from '../../scripts/run-command.ts';

/** A package by its file: the tarball, or the wheel of the Python client. */
const PACKAGE = /\bheadrace-(\d+\.\d+\.\d+)(?=\.tgz|-py3)/g;

/** The one version of files that cannot read it from the package. */
const OWN: readonly (readonly [file: string, line: RegExp])[] = [
  ['console/package.json', /"version": "(.+)"/g],
  ['clients/python/pyproject.toml', /^version = "(.+)"/gm],
  ['clients/python/src/headrace/_transport.py', /^VERSION = "(.+)"/gm],
  ['deploy/helm/headrace/Chart.yaml', /^(?:version|appVersion): (.+)$/gm],
];

function versionsIn(file: string, pattern: RegExp): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(pattern)].map(([, version]) => `${file}: ${version}`);
}

test.each(OWN)('%s has the version of the package', (file, line) => {
  const found = versionsIn(file, line);
  expect(found.length).toBeGreaterThan(0);
  expect(new Set(found)).toEqual(new Set([`${file}: ${manifest.version}`]));
});

test('every command that names a package of ours names this version', async () => {
  const texts = (await trackedFiles()).filter((file) => /\.(md|ts|ipynb)$/.test(file));
  const found = texts.flatMap((file) => versionsIn(file, PACKAGE));
  expect(found.length).toBeGreaterThan(10);
  expect(found.filter((one) => !one.endsWith(`: ${manifest.version}`))).toEqual([]);
});
