import { z } from 'zod';
import { root, runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

const named = z.object({ name: z.string() });
const report = z.object({
  issues: z.array(z.object({ file: z.string() }).catchall(z.union([z.array(z.union([named, z.array(named)]))]))),
});

const seeds = ['src/unused.ts: files src/unused.ts', 'src/alive.ts: exports dead', 'src/alive.ts: types Dead'];

/** Every file, export and dependency is used by something. What is seeded in test/ground/seeded/exports must be found. */
export const exports: Check = {
  name: 'exports',
  async run() {
    const problems = [...(await unused(root))];
    const found = await unused(`${root}/test/ground/seeded/exports`);
    const missed = seeds.filter((seed) => !found.includes(seed));
    problems.push(...missed.map((seed) => `knip does not find what is seeded: ${seed}`));
    return { seen: `knip, ${seeds.length - missed.length} seeded faults found`, problems };
  },
};

async function unused(directory: string): Promise<readonly string[]> {
  const args = ['--no-progress', '--no-config-hints', '--reporter', 'json', '-c', `${root}/knip.json`];
  const { stdout, output } = await runCommand('knip', args, { cwd: directory });
  if (!stdout.startsWith('{')) return [output];
  return report
    .parse(JSON.parse(stdout))
    .issues.flatMap(({ file, ...kinds }) =>
      Object.entries(kinds).flatMap(([kind, found]) => found.flat().map(({ name }) => `${file}: ${kind} ${name}`)),
    );
}
