import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandGroups, commands } from '../../src/cli/commands.ts';
import { ended, lastJson, runCli } from './run-cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headrace-usage-'));
  writeFileSync(join(folder, 'broken.ts'), 'export default {{');
  writeFileSync(join(folder, 'README.md'), 'mine');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a command answers to its other name, options after it', async () => {
  const { code, out } = await runCli(folder, ['flink', 'stop', '--others', '--help']);
  expect(code).toBe(0);
  expect(out).toContain('usage: headrace tiles stop\nalso:  headrace flink stop\n');
});

test.concurrent.each([
  [['fly'], 'CLI_COMMAND'],
  [['plan', '--colour'], 'CLI_OPTION'],
  [['features', 'get'], 'CLI_WORDS'],
  [['plan'], 'CONFIG_FILE'],
  [['plan', '--config', 'broken.ts'], 'CONFIG_FILE'],
  [['init', '.'], 'INIT_FOLDER'],
] as const)('headrace %j is refused with %s, exit code 2, and what to do', async (args, code) => {
  const call = await runCli(folder, [...args, '--json']);
  expect(call.code).toBe(2);
  expect(lastJson(call)).toMatchObject({ error: { code, message: expect.any(String), hint: expect.any(String) } });
  expect(call.err).toContain(code);
});

test.concurrent('a configuration in a package of CommonJS, as npm init makes it, is refused by the type to set', async () => {
  const own = mkdtempSync(join(folder, 'common-'));
  writeFileSync(join(own, 'package.json'), '{"type":"commonjs"}');
  writeFileSync(
    join(own, 'headrace.config.ts'),
    "import { defineConfig } from 'headrace';\nexport default defineConfig({});\n",
  );
  const call = await runCli(own, ['plan']);
  expect(call.code).toBe(2);
  expect(call.err).toContain('the type in package.json must be module');
});

test.concurrent('a call without a command, and --help of each, say what there is', async () => {
  const overview = await runCli(folder, []);
  expect(overview).toMatchObject({ code: 0, err: '' });
  expect(overview.out).toContain('features get');
  const lines = overview.out.split('\n');
  expect(lines.filter((line) => /^\S.*:$/.test(line)).map((line) => line.slice(0, -1))).toEqual(
    commandGroups.map(({ title }) => title),
  );
  expect(commandGroups[0].commands).toHaveLength(5);
  for (const { name, summary } of commands)
    expect(lines.filter((line) => line.startsWith(`  ${name.join(' ')} `) && line.endsWith(summary))).toHaveLength(1);
  const help = await runCli(folder, ['features', 'get', '--help']);
  expect(help.code).toBe(0);
  expect(help.out).toContain('usage: headrace features get <service> <column>=<value>…');
});

test('bytes on the command line that are not UTF-8 are refused, not taken for another key', async () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const script = `exec "$0" --conditions=headrace-source "$1" features get shopper "user=zo$(printf '\\377')"`;
  const child = spawn('bash', ['-c', script, process.execPath, main], { stdio: ['ignore', 'pipe', 'pipe'] });
  expect(await ended(child)).toMatchObject({ code: 2, err: expect.stringContaining('CLI_TEXT') });
});
