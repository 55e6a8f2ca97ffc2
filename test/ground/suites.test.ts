import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root, runCommand } from '../../scripts/run-command.ts';
import { servicesOf } from '../../scripts/services/services.ts';
import { variablesOf } from '../../scripts/services/variables-of.ts';
import type { CpuBudgets } from '../cpu-budgets.ts';
import { hasEnded } from '../has-ended.ts';
import { until } from '../services/until.ts';

const directory = mkdtempSync(join(tmpdir(), 'suites-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A project of Vitest with these files, whose runs end with the closing line. */
function project(files: Readonly<Record<string, string>>, more: object = {}): string {
  const folder = mkdtempSync(join(directory, 'project-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const settings = {
    root: folder,
    globals: true,
    include: ['*.test.js'],
    fileParallelism: false,
    reporters: [`${root}/test/closing-line.ts`],
    tags: [{ name: 'deep' }],
    testTimeout: 3_600_000,
    ...more,
  };
  writeFileSync(join(folder, 'vitest.config.js'), `export default { test: ${JSON.stringify(settings)} };`);
  return folder;
}

async function lastLine(folder: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const options = { cwd: folder, env, limitMs: null };
  const { code, output } = await runCommand('vitest', ['run', '--root', folder, ...args], options);
  return { code, output, last: output.trimEnd().split('\n').at(-1) };
}

test('the closing line counts each test once: passed, failed, skipped, and a file that cannot be loaded as failed', async () => {
  const folder = project({
    'a.test.js': `test('passes', () => {}); test('fails', () => { throw new Error('no'); }); test.skip('skipped', () => {});`,
    'b.test.js': `throw new Error('does not load');`,
  });
  const { code, last } = await lastLine(folder);
  expect(last).toBe('1 passed, 2 failed, 1 skipped');
  expect(code).toBe(1);
});

test('tests that the gate leaves out are neither run nor counted; a tag that is not declared ends the run', async () => {
  const deep = `{ tags: ['deep'] }`;
  const folder = project({
    'a.test.js': `test('quick', () => {}); test('left out', ${deep}, () => { throw new Error('ran'); });
      describe('all left out', ${deep}, () => { test('of it', () => { throw new Error('ran'); }); });`,
  });
  expect(await lastLine(folder, ['--tags-filter=!deep'])).toMatchObject({
    code: 0,
    last: '1 passed, 0 failed, 0 skipped',
  });
  expect(await lastLine(folder)).toMatchObject({ code: 1, last: '1 passed, 2 failed, 0 skipped' });
  const misspelt = project({ 'a.test.js': `test('quick', { tags: ['depe'] }, () => {});` });
  const { code, last } = await lastLine(misspelt, ['--tags-filter=!deep']);
  expect(code).toBe(1);
  expect(last).toBe('0 passed, 1 failed, 0 skipped');
});

test('a file that spends more CPU time than its budget fails the run and is named; one within it passes', async () => {
  // Several starts of a worker, on a machine of any speed.
  const spin = `let x = 1; for (let i = 0; i < 1e8; i += 1) x = (x * 31 + i) | 0; expect(x).not.toBe(0.5);`;
  const files = { 'dear.test.js': `test('spins', () => { ${spin} });`, 'cheap.test.js': `test('passes', () => {});` };
  const budgeted = (budgets: Partial<CpuBudgets>) =>
    project(files, {
      setupFiles: [`${root}/test/cpu-seconds.ts`],
      reporters: [[`${root}/test/closing-line.ts`, budgets]],
    });
  const over = await lastLine(budgeted({ starts: 1.5 }));
  expect(over).toMatchObject({ code: 1, last: '2 passed, 1 failed, 0 skipped' });
  expect(over.output).toMatch(/^dear\.test\.js spends .* starts of a worker .* its budget is 1\.5 /m);
  const within = await lastLine(budgeted({ starts: 1.5, larger: { 'dear.test.js': 100 } }));
  expect(within).toMatchObject({ code: 0, last: '2 passed, 0 failed, 0 skipped' });
  expect(within.output).toMatch(/^CPU: .* in 2 files, .*\n.* dear\.test\.js\n.* cheap\.test\.js$/m);
});

test('at its deadline a run ends: whatever has no result is named and failed, and the closing line stands', async () => {
  const folder = project({
    // The larger file comes first.
    'a.test.js': `test('passes', () => {}); test('fails', () => { throw new Error('the reason'); });
      test('hangs', () => new Promise(() => setInterval(() => {}, 1000))); test('waits for it', () => {});`,
    'b.test.js': `test('is not begun', () => {});`,
  });
  let ended = await lastLine(folder, [], { HEADRACE_DEADLINE: String(Date.now() + 2_000) });
  // A slow machine may not have come to the test that hangs.
  for (let ms = 4_000; !ended.output.includes('failed: fails'); ms *= 2)
    ended = await lastLine(folder, [], { HEADRACE_DEADLINE: String(Date.now() + ms) });
  expect(ended.code).toBe(1);
  expect(ended.output).toContain('not run before the deadline: a.test.js waits for it');
  // Each file is one failure until its tests are known.
  expect(ended.output).toMatch(/not run before the deadline: .*b\.test\.js/);
  expect(ended.output).toMatch(/failed: fails\n.*the reason/);
  expect(ended.last).toBe('1 passed, 4 failed, 0 skipped');
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends every server that a run started, also those of its children',
  async (signal) => {
    const place = mkdtempSync(join(directory, 'servers-'));
    const start = `startDetached({ command: 'sleep', args: ['3600'], directory: '${place}', port: 0, log: '${place}/log' }).pid`;
    const load = `const { startDetached } = await import('${root}/scripts/services/server.ts'); const { writeFileSync, renameSync } = await import('node:fs');`;
    const note = (name: string) =>
      `writeFileSync('${place}/${name}.part', String(${start})); renameSync('${place}/${name}.part', '${place}/${name}');`;
    writeFileSync(join(place, 'child.ts'), `${load} ${note('theirs')}`);
    writeFileSync(
      join(place, 'program.ts'),
      `const { withSuites } = await import('${root}/scripts/services/run-suites.ts');
    const { spawn } = await import('node:child_process');
    ${load}
    await withSuites(async () => {
      ${note('ours')}
      spawn('node', ['${place}/child.ts']);
      await new Promise(() => setInterval(() => {}, 1000));
    });`,
    );
    const child = spawn('node', [join(place, 'program.ts')], {
      stdio: 'inherit',
      env: { ...process.env, TMPDIR: place },
    });
    const noted = ['ours', 'theirs'].map((name) => join(place, name));
    await until(async () => noted.every(existsSync));
    child.kill(signal);
    await once(child, 'exit');
    for (const pid of noted.map((path) => readFileSync(path, 'utf8'))) await until(async () => hasEnded(Number(pid)));
    expect(readdirSync(place).filter((name) => name.startsWith('suites-'))).toEqual([]);
  },
);

test('the services of suites are those that they name, in their own files or in those that they import', () => {
  const names = (...suites: readonly string[]) =>
    servicesOf(variablesOf(suites.map((suite) => `${root}/test/services/${suite}.test.ts`))).map(({ name }) => name);
  expect(names('memory')).toEqual(['redis', 'valkey']);
  expect(names('kafka-log')).toEqual(['kafka']);
  // By flink-site.ts and engine-site.ts.
  expect(names('flink-parity')).toEqual(['kafka', 'flink']);
  expect(names('spark-project')).toEqual(['spark', 'spark-connect']);
  expect(names('spark-faults')).toContain('spark-cluster');
});
