import { readFile } from 'node:fs/promises';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

/** The reports in api/ are those of the types now: a change of the interface is read as a change of a file. */
export const api: Check = {
  name: 'api',
  async run() {
    const { apiReports } = await import('../api-report.ts');
    const written = Object.entries(await apiReports());
    const problems: string[] = [];
    for (const [path, text] of written)
      if ((await readFile(`${root}/${path}`, 'utf8').catch(() => '')) !== text)
        problems.push(`${path} is not what the types say now: run npm run pages, and list the change in CHANGELOG.md`);
    return { seen: `${written.length} entry points`, problems };
  },
};
