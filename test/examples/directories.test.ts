import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

test('at most one example has the default directory: each may run after the others, in any order', () => {
  const programs = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const opened = programs.filter((name) => readFileSync(`${EXAMPLES}${name}`, 'utf8').includes('openHeadrace({'));
  expect(opened).toContain('first.ts');
  const withDefault = opened.filter((name) => !/openHeadrace\(\{[^}]*\benvironment\b/.test(withoutBraces(name)));
  expect(withDefault).toEqual(['first.ts']);
});

/** The text of a program, objects within the call of `openHeadrace` taken out. */
function withoutBraces(name: string): string {
  return readFileSync(`${EXAMPLES}${name}`, 'utf8').replaceAll(/\{ [a-z, ]+ \}|\{ directory: [^}]* \}/g, 'object');
}
