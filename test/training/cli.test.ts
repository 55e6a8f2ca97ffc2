import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ended, lastJson, runCli, startCli } from '../cli/run-cli.ts';
import { until } from '../until.ts';
import { expectedState, hasPython } from './run-program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'train-run-'));
  mkdirSync(join(folder, 'own'));
  const program = readFileSync(new URL('programs/count.py', import.meta.url), 'utf8');
  // As a user writes it: the helper is on the path of the ranks.
  writeFileSync(join(folder, 'count.py'), program.replace(/^sys\.path.*$/m, ''));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const count = ['--', 'python3', 'count.py'];

test.skipIf(!hasPython)('train run is cancelled by SIGTERM, and the same command resumes it', async () => {
  const call = ['train', 'run', '--json', '--steps', '2000', '--set', 'every=20,stepSeconds=0.01', ...count];
  const first = startCli(folder, call);
  await until(() => progress(folder) > 20);
  first.kill('SIGTERM');
  expect((await ended(first)).code).toBe(6);
  const cancelled = JSON.parse(readFileSync(join(folder, 'run', 'heartbeats', '0.json'), 'utf8')).step;
  const again = await runCli(
    folder,
    call.map((word) => (word === '2000' ? String(cancelled + 10) : word)),
  );
  expect(again.code).toBe(0);
  expect(lastJson(again)).toMatchObject({
    state: 'completed',
    step: cancelled + 10,
    result: { result: { state: expectedState(0, cancelled + 10) } },
  });
  expect(again.err).toContain('attempt 2: running');
});

function progress(root: string): number {
  try {
    return JSON.parse(readFileSync(join(root, 'run', 'heartbeats', '0.json'), 'utf8')).step;
  } catch {
    return 0;
  }
}

test.skipIf(!hasPython)(
  'train drill passes for a program that resumes, and stands until the program changes',
  async () => {
    const result = await runCli(folder, [
      'train',
      'drill',
      '--json',
      '--steps',
      '40',
      '--set',
      'every=8,stepSeconds=0',
      ...count,
    ]);
    expect(result.code).toBe(0);
    expect(lastJson(result)).toMatchObject({ passed: true, problems: [], lossDifference: 0 });
    const run = [
      'train',
      'run',
      '--drill',
      'run',
      '--directory',
      'next',
      '--steps',
      '20',
      '--set',
      'every=8,stepSeconds=0',
      ...count,
    ];
    expect((await runCli(folder, run)).code).toBe(0);
    writeFileSync(join(folder, 'count.py'), `${readFileSync(join(folder, 'count.py'), 'utf8')}# changed\n`);
    expect(await runCli(folder, run)).toMatchObject({ code: 2, err: expect.stringContaining('DRILL_MISSING') });
  },
);

test('train drill runs a program that fails once, and says the one reason once', async () => {
  const { code, out, err } = await runCli(folder, [
    'train',
    'drill',
    '--json',
    '--directory',
    'fails',
    '--',
    'sh',
    '-c',
    'exit 3',
  ]);
  expect(code).toBe(3);
  const { problems } = JSON.parse(out.split('\n')[0]) as { readonly problems: readonly string[] };
  expect(problems).toEqual([expect.stringMatching(/^plain: ended failed/)]);
  expect(err.split('ended failed')).toHaveLength(2);
  expect(`${out}${err}`).not.toContain('more steps');
});

test.skipIf(!hasPython)('train drill fails for a program that begins from the start after a kill', async () => {
  const program = readFileSync(join(folder, 'count.py'), 'utf8');
  writeFileSync(
    join(folder, 'count.py'),
    program.replace('run = headrace_job.Run()', 'run = headrace_job.Run()\nrun.step = 0'),
  );
  const result = await runCli(folder, [
    'train',
    'drill',
    '--json',
    '--steps',
    '40',
    '--set',
    'every=8,stepSeconds=0',
    ...count,
  ]);
  expect(result).toMatchObject({ code: 3, err: expect.stringContaining('DRILL_FAILED') });
});

test('a run is refused with a budget without a price, and with options that are no numbers', async () => {
  const run = (...options: string[]) => runCli(folder, ['train', 'run', ...options, '--', 'true']);
  expect((await run('--budget', '5')).err).toContain('RUN_SPEC');
  expect((await run('--grace', 'soon')).err).toContain('CLI_VALUE');
  expect((await run('--ranks', '0')).err).toContain('CLI_VALUE');
});

const trace = resolve(
  '../shared/data/cost/spot_traces/skypilot/availability/1-node/aws-10-26-2022/us-west-2a_k80_1.json',
);

test.skipIf(!hasPython || !existsSync(trace))(
  'a run on a recording needs a drill, is placed by the policy and has a prediction (skipped without the recordings)',
  async () => {
    const prices = ['--spot-price', '1', '--on-demand-price', '3'];
    const spot = ['--spot-trace', trace, '--polarity', 'available', '--work', '1h', '--deadline', '10h', ...prices];
    const run = [
      'train',
      'run',
      '--json',
      '--directory',
      'placed',
      '--steps',
      '40',
      '--set',
      'every=8,stepSeconds=0',
      ...spot,
    ];
    expect((await runCli(folder, [...run, ...count])).err).toContain('drill');
    await runCli(folder, ['train', 'drill', '--steps', '40', '--set', 'every=8,stepSeconds=0', ...count]);
    const placed = await runCli(folder, [...run, '--drill', 'run', ...count]);
    expect(lastJson(placed)).toMatchObject({ state: 'completed', predicted: { cost: expect.any(Number) } });
  },
);
