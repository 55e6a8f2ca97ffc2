import { readFile } from 'node:fs/promises';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

/** Every page that is written from code is the one that the code writes now. */
export const pages: Check = {
  name: 'pages',
  async run() {
    // Imported here, so that a fault of a command does not end the other checks.
    const { writtenPages } = await import('../written-pages.ts');
    const written = Object.entries(writtenPages());
    const same = await Promise.all(
      written.map(async ([path, text]) => (await readFile(`${root}/${path}`, 'utf8').catch(() => '')) === text),
    );
    const stale = written.filter((_, index) => same[index] !== true);
    return {
      seen: `${written.length} pages`,
      problems: stale.map(([path]) => `${path} is not what the code writes: run npm run pages`),
    };
  },
};
