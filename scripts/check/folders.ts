import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

/** Every folder of src has a README.md, and the folder map of CONTRIBUTING.md names these folders and no other. */
export const folders: Check = {
  name: 'folders',
  async run() {
    const paths = await readdir(`${root}/src`, { recursive: true });
    const sources = paths.filter((path) => path.endsWith('.ts') && path.includes('/'));
    const names = [...new Set(sources.map((path) => path.slice(0, path.indexOf('/'))))];
    const map = await readFile(`${root}/CONTRIBUTING.md`, 'utf8');
    const mapped = [...map.matchAll(/^ {2}(\w+)\/ /gm)].map((match) => match[1] ?? '');
    const problems = [
      ...names
        .filter((name) => !existsSync(`${root}/src/${name}/README.md`))
        .map((name) => `src/${name} has no README.md`),
      ...names.filter((name) => !mapped.includes(name)).map((name) => `CONTRIBUTING.md does not name src/${name}`),
      ...mapped
        .filter((name) => !names.includes(name))
        .map((name) => `CONTRIBUTING.md names src/${name}, which is not there`),
    ];
    return { seen: `${names.length} folders`, problems };
  },
};
