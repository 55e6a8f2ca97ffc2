import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, runCommand } from './run-command.ts';

/** The files that differ from a commit, also those that git does not know yet. */
export async function changedFiles(since: string): Promise<readonly string[]> {
  const lists = await Promise.all([
    runCommand('git', ['diff', '--name-only', since, '--']),
    runCommand('git', ['ls-files', '--others', '--exclude-standard']),
  ]);
  for (const { code, output } of lists) if (code !== 0) throw new Error(output.trim());
  return lists.flatMap(({ stdout }) => stdout.split('\n').filter((path) => path !== ''));
}

/**
 * Reads the tests, and then names those that a change concerns: those that changed, those that use a changed file of test/, and
 * those that import from the folder of another changed file. Where no test imports from it, the nearest folder above counts.
 */
export function readTests(): (changed: readonly string[]) => readonly string[] {
  const tests = globSync('test/**/*.test.ts', { cwd: root, exclude: ['test/services/**', 'test/ground/seeded/**'] });
  const imports = new Map(tests.map((path) => [path, importsOf(path)]));
  return (changed) => {
    const chosen = new Set(
      changed.flatMap((path) =>
        path.startsWith('test/') ? usersOf(path, tests) : importersOf(placeOf(path), imports),
      ),
    );
    return tests.filter((path) => chosen.has(path));
  };
}

/** The folder of a file; the file itself where that folder is one of the root, which has all kinds of things. */
function placeOf(path: string): string {
  const folder = dirname(path);
  return folder.includes('/') ? folder : path;
}

function importersOf(place: string, imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  if (!place.includes('/')) return [];
  const isIn = (path: string) => path === place || path.startsWith(`${place}/`);
  const importers = [...imports].filter(([, paths]) => paths.some(isIn)).map(([test]) => test);
  return importers.length > 0 ? importers : importersOf(dirname(place), imports);
}

/** The tests that are a file of test/ or import it, directly or by other files of test/. */
function usersOf(changed: string, tests: readonly string[]): readonly string[] {
  const uses = new Map<string, boolean>();
  const isUser = (path: string): boolean => {
    const known = uses.get(path);
    if (known !== undefined) return known;
    // A circle of imports ends here.
    uses.set(path, path === changed);
    const found = path === changed || importsOf(path).some((next) => next.startsWith('test/') && isUser(next));
    uses.set(path, found);
    return found;
  };
  return tests.filter(isUser);
}

/** The TypeScript files of the repository that a file names by relative paths, also those that it starts as processes. */
export function importsOf(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(`${root}/${path}`, 'utf8');
  } catch {
    // It was removed, or a text only looks like a path.
    return [];
  }
  return [...text.matchAll(/'(\.{1,2}\/[^'\n]+\.ts)'/g)].map(([, named = '']) => join(dirname(path), named));
}
