import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { root, runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

const named = z.object({ name: z.string() });
const report = z.object({
  issues: z.array(z.object({ file: z.string() }).catchall(z.union([z.array(z.union([named, z.array(named)]))]))),
});

/** What is used by nothing, and what tests alone use. */
const seeds = {
  all: ['src/unused.ts: files src/unused.ts', 'src/alive.ts: exports dead', 'src/alive.ts: types Dead'],
  production: ['src/alive.ts: exports tested'],
};

/**
 * Every file, export and dependency is used by something, and every file and export of src by something else than a test: an entry
 * of the package, or a page that is written from it (tagged `@public`). What its own file uses may be exported for a test. What is seeded in
 * test/ground/seeded/exports must be found.
 */
export const exports: Check = {
  name: 'exports',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'headrace-knip-'));
    try {
      const own = join(root, 'knip.json');
      const production = join(folder, 'knip.json');
      const config: object = JSON.parse(await readFile(own, 'utf8'));
      await writeFile(production, JSON.stringify({ ...config, ignoreExportsUsedInFile: true }));
      const seeded = `${root}/test/ground/seeded/exports`;
      const tested = (await unused(root, ['--production', '-c', production])).filter((text) => !ofPackages.test(text));
      const problems = [
        ...(await unused(root, ['-c', own])),
        ...tested.map((text) => `${text}: used by tests alone; make it reachable, move it to test/, or delete it`),
      ];
      const found = await unused(seeded, ['-c', own]);
      const foundTested = await unused(seeded, ['--production', '-c', production]);
      const missed = [
        ...seeds.all.filter((seed) => !found.includes(seed)),
        ...seeds.production.filter((seed) => !foundTested.includes(seed)),
      ];
      problems.push(...missed.map((seed) => `knip does not find what is seeded: ${seed}`));
      const all = seeds.all.length + seeds.production.length;
      return { seen: `knip, ${all - missed.length} seeded faults found`, problems };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

/** Faults of package.json: the first run has judged them, with all that uses a package. */
const ofPackages = /: (dependencies|devDependencies|optionalPeerDependencies|unlisted|binaries|unresolved) /;

async function unused(directory: string, options: readonly string[]): Promise<readonly string[]> {
  const args = ['--no-progress', '--no-config-hints', '--reporter', 'json', ...options];
  const { stdout, output } = await runCommand('knip', args, { cwd: directory });
  if (!stdout.startsWith('{')) return [output];
  return report
    .parse(JSON.parse(stdout))
    .issues.flatMap(({ file, ...kinds }) =>
      Object.entries(kinds).flatMap(([kind, found]) => found.flat().map(({ name }) => `${file}: ${kind} ${name}`)),
    );
}
