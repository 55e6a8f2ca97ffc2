import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { printable } from '../../src/base/printable.ts';
import { childEnv } from '../child-env.ts';

/** Whether a text has a character that a terminal obeys, or that turns the order of others. */
function hides(text: string): boolean {
  return [...text].some((character) => {
    const code = character.charCodeAt(0);
    const isControl = (code < 32 || (code > 126 && code < 160)) && character !== '\n' && character !== '\t';
    return isControl || /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(character);
  });
}

test('no text that is printed has a character that a terminal obeys, JSON stays the same, and plain text is unchanged', () => {
  const hidden = fc.constantFrom('\u001b[2J', '\u009b8m', '\r', '\u0007', '\u001b]0;title\u0007', '\u202e', '\u007f');
  const texts = fc.array(fc.oneof(hidden, fc.string({ unit: 'binary' }))).map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, fc.jsonValue(), (text, value) => {
      expect(hides(printable(text))).toBe(false);
      expect(printable(printable(text))).toBe(printable(text));
      const json = { text, value };
      expect(JSON.parse(printable(JSON.stringify(json)))).toEqual(JSON.parse(JSON.stringify(json)));
    }),
  );
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => hides(text) || printable(text) === text));
});

const HOSTILE = '\u001b]0;owned\u0007\u001b[2J\u009b1;1H';

test.each([
  ['a name and a value of a file', ['drift', 'compare', 'one.csv', 'other.csv']],
  ['a name of a file that is absent', ['drift', 'compare', `${HOSTILE}.csv`, 'other.csv']],
  ['a word of the call', ['gpu', `${HOSTILE}.json`]],
  ['an unknown command', [HOSTILE]],
])('the command line prints %s without what a terminal obeys', (_, words) => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-print-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const rows = (other: string) =>
    Array.from({ length: 300 }, (_, i) => `${i},${i % 3 === 0 ? other : `v${HOSTILE}`}`).join('\n');
  writeFileSync(join(directory, 'one.csv'), `n,c${HOSTILE}\n${rows('a')}\n`);
  writeFileSync(join(directory, 'other.csv'), `n,c${HOSTILE}\n${rows(`b${HOSTILE}`)}\n`);
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const args = ['--conditions=headrace-source', main, ...words];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: directory, env: childEnv(), encoding: 'utf8' });
  expect(stdout + stderr).not.toBe('');
  expect(hides(stdout + stderr)).toBe(false);
  expect(stdout + stderr).toContain('owned');
});

test('nothing but the terminal and the progress line writes to a terminal', () => {
  const root = new URL('../../src/', import.meta.url);
  const owners = ['cli/main.ts', 'cli/terminal/progress.ts', 'cli/start.ts', 'cli/train-job-file.ts'];
  const writers = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => {
    if (!path.startsWith('cli/') || !path.endsWith('.ts')) return false;
    return /process\.std(?:out|err)\.write|\bconsole\.\w+/.test(readFileSync(new URL(path, root), 'utf8'));
  });
  expect(writers.filter((path) => !owners.includes(path))).toEqual([]);
});
