import { readdirSync, readFileSync } from 'node:fs';
import { importsOf } from '../scripts/changed-tests.ts';
import { sharedFolders } from '../scripts/deep/lanes.ts';
import { root, runCommand } from '../scripts/run-command.ts';
import type { Results } from './kept.ts';

/** A figure is stale when its folders have more commits since. */
const MOST_COMMITS = 60;

/** The name of every bench. */
export function benchNames(): readonly string[] {
  return readdirSync(`${root}/bench`)
    .filter((file) => file.endsWith('.bench.ts'))
    .map((file) => file.replace('.bench.ts', ''))
    .sort();
}

/**
 * What a bench measures: the product folders that it and its helpers name, the folders that everything runs where one of them
 * imports the package, and its own files.
 */
export function foldersOf(name: string): readonly string[] {
  const folders = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const product = /^src\/[^/]+/.exec(path)?.[0];
    if (product !== undefined) folders.add(product);
    else if (/^(bench|examples|test)\//.test(path)) {
      if (path.startsWith('bench/')) folders.add(path);
      if (/from 'headrace(\/\w+)*'/.test(textOf(path))) for (const folder of sharedFolders) folders.add(folder);
      for (const next of importsOf(path)) visit(next);
    }
  };
  visit(`bench/${name}.bench.ts`);
  return [...folders].toSorted((a, b) => (a < b ? -1 : 1));
}

function textOf(path: string): string {
  try {
    return readFileSync(`${root}/${path}`, 'utf8');
  } catch {
    // A text only looks like a path.
    return '';
  }
}

/** What figures are judged by. */
export interface Judged {
  readonly repository: string;
  readonly folders: (name: string) => readonly string[];
  readonly mostCommits: number;
}

const present: Judged = { repository: root, folders: foldersOf, mostCommits: MOST_COMMITS };

/** Says of each bench whose figures are stale, were never kept or cannot be judged, why. */
export async function staleBenches(
  results: Results,
  names: readonly string[],
  { repository, folders, mostCommits } = present,
): Promise<readonly string[]> {
  const texts = await Promise.all(
    names.map(async (name) => {
      const kept = results[name];
      if (kept === undefined) return [`${name}: no figures are kept`];
      const from = `${name}: ${kept.figures.length} rows of ${kept.commit.slice(0, 12)}, ${kept.date}`;
      const range = `${kept.commit}..HEAD`;
      const args = ['-C', repository, 'rev-list', '--count', range, '--', ...folders(name)];
      const { code, stdout } = await runCommand('git', args);
      if (code !== 0) return [`${from}: that commit is not in the history`];
      return Number(stdout) > mostCommits ? [`${from}: ${Number(stdout)} commits of its folders since`] : [];
    }),
  );
  const gone = Object.keys(results).filter((name) => !names.includes(name));
  return [...texts.flat(), ...gone.map((name) => `${name}: its figures are kept, and there is no such bench`)];
}
