import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { benchNames, foldersOf, staleBenches } from '../../bench/age.ts';
import { printFigure } from '../../bench/figure.ts';
import { type Kept, printedFigures, resultsPage, withRowsOf } from '../../bench/kept.ts';
import { sharedFolders } from '../../scripts/deep/lanes.ts';
import { runCommand } from '../../scripts/run-command.ts';
import { must } from '../../scripts/services/binaries.ts';

const figure = { unit: '/s', value: 300, yardstick: null, yardstickValue: null, ratio: null, aim: null };

function kept(names: readonly string[], commit = 'a'.repeat(40)): Kept {
  const figures = names.map((name) => ({ ...figure, name }));
  return { commit, date: '2026-01-02', machine: '2 × core', others: 0.1, seconds: 7, figures, skipped: [] };
}

test('every figure is in the page once, under the bench, commit, date, machine and load that it is of', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 6 }), (names) => {
      const results = Object.fromEntries(names.map((name) => [name, kept([`figure of ${name}`])]));
      const parts = resultsPage(results).split('\n## ').slice(1);
      expect(parts).toHaveLength(names.length);
      for (const [index, name] of names.entries()) {
        expect(parts[index]).toMatch(
          `${name}\n\nMeasured on 2 × core, 2026-01-02, commit aaaaaaaaaaaa. Others took 0.10 cores`,
        );
        expect(parts[index]?.split(`| figure of ${name} |`)).toHaveLength(2);
      }
    }),
  );
});

test('a page takes over the rows that it has by name, and where the last of them is from; the rest stays', () => {
  const page = `# Title

<!-- figures -->
| figure | measured | yardstick | ratio | aim | reached |
|---|---|---|---|---|---|
| reads | 1 /s |  |  |  |  |
| elsewhere | 2 /s |  |  |  |  |
<!-- end of figures -->

More is slower. Measured on paper.
`;
  const results = resultsPage({ one: kept(['reads', 'writes']) });
  const written = withRowsOf(results, page);
  expect(written).toBe(
    page
      .replace('| reads | 1 /s |', '| reads | 300 /s |')
      .replace('Measured on paper.', 'Measured on 2 × core, 2026-01-02, commit aaaaaaaaaaaa.'),
  );
  expect(withRowsOf(results, written)).toBe(written);
  expect(withRowsOf(resultsPage({ one: kept(['writes']) }), page)).toBe(page);
});

test('a bench says its figures, one JSON object a line, and what it left out', () => {
  const line = JSON.stringify({ ...figure, name: 'reads' });
  const said = 'training: skipped, no file';
  expect(printedFigures(`begin\n${line}\n${said}\n`)).toEqual({
    figures: [{ ...figure, name: 'reads' }],
    skipped: [said],
  });
  for (const broken of ['{"name": 1}', '{', JSON.stringify({ ...figure, name: 'reads', value: Number.NaN })])
    expect(printedFigures(`${line}\n${broken}`)).toBeNull();
  expect(() => printFigure({ ...figure, name: 'reads', value: Number.NaN })).toThrow('was not measured');
});

test('each bench measures folders that are there, and its own file', () => {
  for (const name of benchNames()) {
    const folders = foldersOf(name);
    expect(folders, name).toContain(`bench/${name}.bench.ts`);
    expect(folders.filter((folder) => folder.startsWith('src/')).length, name).toBeGreaterThan(0);
  }
  expect(foldersOf('http')).toEqual(expect.arrayContaining([...sharedFolders]));
  expect(foldersOf('spot-windows')).not.toContain('src/server');
});

test('figures are stale after more commits of their folders than they may have, and no others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'benches-'));
  try {
    const git = (...args: readonly string[]) =>
      must(
        'git',
        ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false', ...args],
        folder,
      );
    const change = async (path: string, text: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
      await git('add', '--all');
      await git('commit', '--quiet', '--message', 'change');
    };
    await git('init', '--quiet', '--initial-branch=main');
    await change('other/file', 'first');
    const commit = (await runCommand('git', ['rev-parse', 'HEAD'], { cwd: folder })).stdout.trim();
    for (let i = 1; i <= 3; i += 1) await change('own/file', `change ${i}`);
    const stale = (results: Record<string, Kept>) =>
      staleBenches(results, ['one', 'two'], {
        repository: folder,
        folders: (name) => [name === 'one' ? 'own' : 'other'],
        mostCommits: 3,
      });
    const both = { one: kept(['reads'], commit), two: kept(['writes'], commit) };
    expect(await stale(both)).toEqual([]);
    await change('own/file', 'once more');
    expect(await stale(both)).toEqual([expect.stringMatching(/^one: 1 rows of \w{12}, .*: 4 commits/)]);
    expect(await stale({ one: kept(['reads']), three: kept([]) })).toEqual([
      expect.stringMatching(/^one: .* not in the history/),
      'two: no figures are kept',
      expect.stringMatching(/^three: .* no such bench/),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
