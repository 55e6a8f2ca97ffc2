import { runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

/** Source, tests, examples, benches and scripts have the types they state. */
export const types: Check = {
  name: 'types',
  async run() {
    const { code, output } = await runCommand('tsc', ['-p', '.', '--pretty', 'false']);
    const problems = output.split('\n').filter((line) => line !== '');
    if (code !== 0 && problems.length === 0) problems.push(`tsc ended with ${code}`);
    return { seen: 'tsc', problems };
  },
};
