import { runCommand } from '../run-command.ts';
import type { Check } from './check.ts';

/** Lint rules and format hold, warnings included. */
export const style: Check = {
  name: 'style',
  async run() {
    const { code, output } = await runCommand('biome', ['ci', '--error-on-warnings', '--max-diagnostics=50']);
    const seen = /Checked (\d+) files/.exec(output)?.[1] ?? '0';
    const problems = code === 0 ? [] : [output.trim()];
    if (seen === '0') problems.push('biome looked at no file');
    return { seen: `${seen} files`, problems };
  },
};
