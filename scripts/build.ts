import { chmod, rm } from 'node:fs/promises';
import { root, runCommand } from './run-command.ts';

await rm(`${root}/dist`, { recursive: true, force: true });
const { code, output } = await runCommand('tsc', ['-p', 'tsconfig.build.json']);
if (output !== '') console.error(output);
if (code === 0) await chmod(`${root}/dist/cli/main.js`, 0o755);
process.exitCode = code;
