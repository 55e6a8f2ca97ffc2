import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { catalogue } from '../../src/base/errors/catalogue.ts';
import { exitCodes, STOPPED_EXIT } from '../../src/base/errors/exit-codes.ts';
import { commands } from '../../src/cli/commands.ts';
import { hasPython } from '../training/run-program.ts';
import { until } from '../until.ts';
import { ended, lastJson, spawnCli, startCli } from './run-cli.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ends-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

test('every end after a stop that leaves work undone has the exit code of a stop, and the call may be made again', () => {
  const unfinished = commands.flatMap(({ name, stop = [] }) =>
    stop.flatMap(({ code }) => (code === null ? [] : [{ name: name.join(' '), ...catalogue[code] }])),
  );
  expect(unfinished.length).toBeGreaterThan(10);
  for (const { name, exit, retry } of unfinished)
    expect({ name, exit, retry }).toEqual({ name, exit: STOPPED_EXIT, retry: 'safe' });
});

test('a code of a stop belongs to a command, and no other error has its exit code', () => {
  const declared = new Set(commands.flatMap(({ stop = [] }) => stop.flatMap(({ code }) => code ?? [])));
  const stopped = Object.entries(catalogue).flatMap(([code, { exit }]) => (exit === STOPPED_EXIT ? [code] : []));
  expect(new Set(stopped)).toEqual(declared);
});

test('the page lists every exit code, and each command that is asked to stop', () => {
  const page = readFileSync('docs/reference/cli.md', 'utf8');
  for (const code of Object.keys(exitCodes)) expect(page).toContain(`| ${code} |`);
  for (const { name, stop = [] } of commands) if (stop.length > 0) expect(page).toContain(`| \`${name.join(' ')}\``);
});

const sweep = (command: readonly string[], more: object = {}) => ({
  command,
  parameters: { rate: { values: [1, 2, 3, 4] } },
  search: 'grid',
  budget: { min: 1, max: 1 },
  scheduler: { kind: 'full' },
  ...more,
});

test.each([
  ['SWEEP_STOPPED', ['sweep', 'run', '--json', 'sweep.json']],
  ['SWEEP_STOPPED', ['sweep', 'scale', '--json', 'sweep.json', '--to', '9']],
  ['COST_PROFILE_STOPPED', ['cost', 'profile', '--json', '--', './waits']],
  ['RUN_STOPPED', ['train', 'run', '--json', '--steps', '3', '--', './waits']],
] as const)('%s is the end of a call that is stopped, with its exit code: %j', async (code, words) => {
  const waits = join(folder, 'waits');
  writeFileSync(waits, `#!/bin/sh\ntouch '${join(folder, 'runs')}'\nexec sleep 3600\n`, { mode: 0o755 });
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep([waits])));
  const child = startCli(folder, words);
  const end = ended(child);
  await until(() => readFileSync(join(folder, 'runs')).length === 0);
  child.kill('SIGTERM');
  const stopped = await end;
  expect(stopped.code).toBe(STOPPED_EXIT);
  expect(lastJson(stopped)).toMatchObject({ error: { code } });
});

test.skipIf(!hasPython)('a sweep of which no trial has a loss does not succeed', async () => {
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep(['false'])));
  const end = await spawnCli(folder, ['sweep', 'run', 'sweep.json', '--json']);
  expect(end.code).toBe(4);
  expect(lastJson(end)).toMatchObject({ error: { code: 'SWEEP_FAILED' } });
});

test('a watch whose program fails after samples does not succeed', async () => {
  const line = '# gpu pwr gtemp mtemp sm mem enc dec\\n# Idx W C C % % % %\\n 0 60 40 - 10 5 0 0\\n';
  const end = await spawnCli(folder, ['gpu', 'watch', '--', 'sh', '-c', `printf '${line}'; exit 9`]);
  expect(end).toMatchObject({ code: catalogue.GPU_FILE.exit, err: expect.stringContaining('code 9') });
});

test('a call whose reader goes away ends as a program that SIGPIPE ended', async () => {
  const child = startCli(resolve('.'), ['--help']);
  child.stdout?.destroy();
  const [code] = await once(child, 'exit');
  expect(code).toBe(141);
});
