import { lstat, readFile } from 'node:fs/promises';
import { root, runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

/** Texts that no file of the repository may say: where its maker's machine keeps things, and which registry it asks. */
const forbidden: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w.])[/]work(?=[/\s'"`)]|$)/m, 'an absolute path of one machine'],
  [/shared[/](notes|design)/, 'a path that only some have'],
  [/https?:[/]{2}[^/\s'"]*(registry|artifactory|nexus)[^/\s'"]*/i, 'the address of a registry'],
  [/"resolved": "https?:/, 'the address of a registry'],
];

/** The files of the repository: tracked, or new and not ignored. Empty where Git cannot list them. */
export async function trackedFiles(): Promise<readonly string[]> {
  const listed = await runCommand('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  return listed.code === 0 ? listed.stdout.split('\0').filter((path) => path !== '') : [];
}

/** No tracked file depends on one machine or one registry, or is a link, which holds the place of something else. */
export const tracked: Check = {
  name: 'tracked',
  async run() {
    const paths = await trackedFiles();
    if (paths.length === 0) return { seen: 'no files', problems: ['git ls-files lists no files'] };
    const found = await Promise.all(paths.map(faultsOf));
    return { seen: `${paths.length} files`, problems: found.flat() };
  },
};

async function faultsOf(path: string): Promise<readonly string[]> {
  const entry = await lstat(`${root}/${path}`).catch(() => undefined);
  if (entry?.isSymbolicLink()) return [`${path} is a link`];
  const text = await readFile(`${root}/${path}`, 'utf8').catch(() => '');
  return forbidden.flatMap(([pattern, what]) => {
    const match = pattern.exec(text);
    if (match === null) return [];
    return [`${path}:${text.slice(0, match.index).split('\n').length} holds ${what}: ${match[0]}`];
  });
}
