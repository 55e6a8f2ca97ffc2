import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../docs/decisions/', import.meta.url));

test('the list of decisions has every page once, by its number', () => {
  const pages = readdirSync(folder).filter((name) => /^\d{4}-/.test(name));
  const list = readFileSync(`${folder}README.md`, 'utf8');
  const listed = [...list.matchAll(/^(\d+)\. \[.+\]\((.+)\)$/gm)].map(([, number, name]) => [Number(number), name]);
  expect(listed).toEqual(pages.sort().map((name) => [Number(name.slice(0, 4)), name]));
});
