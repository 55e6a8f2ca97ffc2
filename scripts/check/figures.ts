import { readFile } from 'node:fs/promises';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

/** A reader of README.md sees at most this many figures; the others are in bench/results.md. */
const MOST_FIGURES = 10;

/** Every figure of README.md is a row of bench/results.md, which only `npm run bench` writes. */
export const figures: Check = {
  name: 'figures',
  async run() {
    const readme = await readFile(`${root}/README.md`, 'utf8');
    const results = await readFile(`${root}/bench/results.md`, 'utf8').catch(() => '');
    const shown = /<!-- figures -->\n(.*?)<!-- end of figures -->/s.exec(readme)?.[1];
    const rows = (shown ?? '')
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(1);
    const measured = new Set(results.split('\n'));
    const problems = rows
      .filter((row) => !measured.has(row))
      .map((row) => `README.md has a figure that bench/results.md lacks: ${row.slice(0, 100)}`);
    if (shown === undefined) problems.push('README.md has no marks for figures');
    if (rows.length > MOST_FIGURES)
      problems.push(`README.md has ${rows.length} figures; at most ${MOST_FIGURES} are for readers`);
    return { seen: `${rows.length} figures of README.md`, problems };
  },
};
