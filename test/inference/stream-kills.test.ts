import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { childEnv } from '../child-env.ts';
import { until } from '../until.ts';
import { judge, registerVersions } from './stream-site.ts';

/** More for a run by hand: `HEADRACE_STREAM_KILLS=100`. */
const KILLS = Number(process.env['HEADRACE_STREAM_KILLS'] ?? 3);

function startOwner(
  directory: string,
  seed: number,
  errors: 'inherit' | 'ignore' = 'inherit',
): { readonly child: ChildProcess; readonly lines: () => readonly string[] } {
  const program = fileURLToPath(new URL('./processes/stream-owner.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, directory, String(seed)], {
    stdio: ['pipe', 'pipe', errors],
    env: childEnv(),
  });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return { child, lines: () => printed.split('\n').filter(Boolean) };
}

test(`an owner killed and stopped ${KILLS} times while it rolls: no record lost, double, or of a version that the map does not have`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stream-'));
  await registerVersions(directory);
  const rng = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const { child, lines } = startOwner(directory, kill);
    const closed = new Promise((resolve) => child.once('close', resolve));
    const at = 2 + Math.floor(rng() * 25);
    await until(() => lines().length >= at || child.exitCode !== null);
    // One that was stopped keeps the log: nobody can take over before it is dead.
    if (rng() < 0.3) {
      child.kill('SIGSTOP');
      const other = startOwner(directory, 1_000 + kill, 'ignore');
      const ended = new Promise((resolve) => other.child.once('close', resolve));
      await ended;
      expect(other.lines()).not.toContain('open');
    }
    child.kill('SIGKILL');
    await closed;
    expect(lines().filter((line) => line.startsWith('fault'))).toEqual([]);
  }
  const { child, lines } = startOwner(directory, 0);
  await until(() => lines().length > 20 || child.exitCode !== null);
  child.stdin?.end('end\n');
  await until(() => lines().includes('closed') || child.exitCode !== null);
  expect(lines()).toContain('closed');
  const { records, outputs, plans, ...wrong } = await judge(directory);
  expect(wrong).toMatchObject({ lost: 0, double: 0, wrong: 0 });
  expect(outputs).toBe(records);
  expect(plans).toBeGreaterThan(KILLS);
  console.info(`${KILLS} kills, ${records} records, ${plans} plans`);
}, 3_600_000);
