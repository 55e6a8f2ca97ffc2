import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { runbookLink } from '../../src/ports/runbook.ts';
import { staticFiles } from '../../src/server/console/static-files.ts';
import { pathTable } from '../../src/server/path-table.ts';
import { docsRoutes } from '../../src/server/routes/docs.ts';

test('a built folder gives the files that it has by their names, and no name leads out of it', () => {
  const parent = mkdtempSync(join(tmpdir(), 'headrace-static-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const files = staticFiles(`${join(parent, 'docs')}/`);
  expect([files.isBuilt(), files.get('index.html')]).toEqual([false, undefined]);
  mkdirSync(join(parent, 'docs', 'assets', 'chunks'), { recursive: true });
  const texts = { 'index.html': '<h1>A</h1>', 'assets/style.css': 'a{}', 'assets/chunks/x.js': 'go()' };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(parent, 'docs', name), text);
  writeFileSync(join(parent, 'secret.txt'), 'secret');
  expect(files.isBuilt(), 'it is found once it is built').toBe(true);
  for (const [name, text] of Object.entries(texts)) {
    const file = files.get(name);
    expect([String(file?.plain), String(gunzipSync(file?.gzip ?? ''))], name).toEqual([text, text]);
  }
  const types = Object.keys(texts).map((name) => files.get(name)?.type.split(';')[0]);
  expect(types).toEqual(['text/html', 'text/css', 'text/javascript']);
  for (const name of ['', '.', 'assets', '../secret.txt', 'assets/../index.html', '/index.html', '..\\secret.txt'])
    expect(files.get(name), name).toBeUndefined();
});

test('each depth of the built documentation, and a link to the runbook, is a path of a route', () => {
  const find = pathTable(docsRoutes);
  const { pathname } = new URL(runbookLink('HeadraceUnwatched', 'https://a.example/'));
  for (const path of [pathname, '/docs', '/docs/', '/docs/page.js', '/docs/v1/assets/chunks/x.js'])
    expect(find(path)?.routes.has('GET'), path).toBe(true);
});
