import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { durableFormats, otherNumbers } from './durable-formats.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** How sources say a number of a format. */
const NUMBER =
  /\b[A-Z_]*FORMAT(?:_VERSION)?\s*=\s*'?(?:headrace\.)?(\d+)|\bformat: z\.(?:literal|union)\(|\bIR_VERSION\b/;

function numbered(): readonly string[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('src/gpu/') && NUMBER.test(readFileSync(join(ROOT, path), 'utf8')))
    .sort(compareText);
}

test('every source that numbers a format is listed, and nothing else is', () => {
  const listed = [...durableFormats.map(({ source }) => source), ...otherNumbers];
  expect(numbered()).toEqual(listed.sort(compareText));
});

test.each(durableFormats)(
  'the format "$name" has a fixture for each of its versions',
  ({ source, version, fixtures }) => {
    const text = readFileSync(join(ROOT, source), 'utf8');
    const numbers = [...text.matchAll(/FORMAT(?:_VERSION)?\s*=\s*'?(\d+)|format: z\.literal\((\d+)\)/g)];
    expect(Math.max(...numbers.map(([, one, other]) => Number(one ?? other)))).toBe(version);
    expect(fixtures).toHaveLength(version);
    for (const fixture of fixtures) expect(existsSync(join(ROOT, fixture)), fixture).toBe(true);
  },
);

test('the page of formats names every fixture', () => {
  const page = readFileSync(join(ROOT, 'docs/reference/formats.md'), 'utf8');
  for (const { fixtures } of durableFormats)
    for (const path of fixtures)
      expect(page).toContain(path.replace(/(release-[\d.]+)\/.*/, '$1').replace(/-\d\.json$/, ''));
});
