import { runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

const args = ['ci', '--colors=off', '--reporter=concise', '--error-on-warnings', '--max-diagnostics=100'];

/** Lint rules and format hold, warnings included. */
export const style: Check = {
  name: 'style',
  async run() {
    const { code, output } = await runCommand('biome', args);
    const seen = /Checked (\d+) files/.exec(output)?.[1] ?? '0';
    const problems = code === 0 ? [] : output.split('\n').filter((line) => /^[!×] /u.test(line));
    if (code !== 0 && problems.length === 0) problems.push(output);
    if (seen === '0') problems.push('biome looked at no file');
    return { seen: `${seen} files`, problems };
  },
};
