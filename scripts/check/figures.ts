import { readFile } from 'node:fs/promises';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

/** The figures of README.md are those of bench/results.md, which only `npm run bench` writes. */
export const figures: Check = {
  name: 'figures',
  async run() {
    const readme = await readFile(`${root}/README.md`, 'utf8');
    const results = await readFile(`${root}/bench/results.md`, 'utf8').catch(() => '');
    const shown = /<!-- figures -->\n(.*?)<!-- end of figures -->/s.exec(readme)?.[1]?.trim();
    const problems: string[] = [];
    if (shown === undefined) problems.push('README.md has no marks for figures');
    else if (results === '' ? /\d/.test(shown) : !results.includes(shown)) {
      problems.push('the figures of README.md are not those of bench/results.md: run npm run bench');
    }
    return { seen: results === '' ? 'nothing measured yet' : 'bench/results.md', problems };
  },
};
