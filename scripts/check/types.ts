import { runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

/** Source, tests, examples, benches, scripts and the console have the types they state; the console those of the routes too. */
export const types: Check = {
  name: 'types',
  async run() {
    const client = await runCommand('node', ['--conditions=headrace-source', 'scripts/console-client.ts']);
    if (client.code !== 0) return { seen: 'the client of the console', problems: [client.output] };
    const problems = [...(await faultsOf('.')), ...(await faultsOf('console'))];
    return { seen: 'tsc, and tsc of the console', problems };
  },
};

async function faultsOf(project: string): Promise<readonly string[]> {
  const { code, output } = await runCommand('tsc', ['-p', project, '--pretty', 'false']);
  const problems = output.split('\n').filter((line) => line !== '');
  return code !== 0 && problems.length === 0 ? [`tsc ended with ${code}`] : problems;
}
