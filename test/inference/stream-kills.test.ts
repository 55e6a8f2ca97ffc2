import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { judgeRecords } from '../../examples/inference/judge.ts';
import { type Random, seededRandom } from '../../src/base/rng.ts';
import { childEnv } from '../child-env.ts';
import { runs } from '../runs.ts';
import { until } from '../until.ts';
import { foundTopics, registerVersions } from './stream-site.ts';

/** More by hand: `HEADRACE_STREAM_KILLS=100`, or `HEADRACE_STREAM_MINUTES=10` as `npm run test:deep all` does. */
const KILLS = Number(process.env['HEADRACE_STREAM_KILLS'] ?? runs(2, 6));
const MINUTES = Number(process.env['HEADRACE_STREAM_MINUTES'] ?? 0);
/** Plans that a long run has at least. */
const LEAST_PLANS = 20;
const program = fileURLToPath(new URL('./processes/stream-owner.ts', import.meta.url));

interface Owner {
  readonly child: ChildProcess;
  readonly lines: () => readonly string[];
  readonly closed: Promise<unknown>;
}

function startOwner(directory: string, seed: number, errors: 'inherit' | 'ignore' = 'inherit'): Owner {
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, directory, String(seed)], {
    stdio: ['pipe', 'pipe', errors],
    env: childEnv(),
  });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  return { child, closed, lines: () => printed.split('\n').filter(Boolean) };
}

/** Waits for this many more lines of an owner; it must not end by itself. */
async function more({ child, lines }: Owner, count: number): Promise<void> {
  const wanted = lines().length + count;
  await until(() => lines().length >= wanted || child.exitCode !== null);
  expect([child.exitCode, child.signalCode], lines().slice(-3).join('\n')).toEqual([null, null]);
}

/** Stops an owner: it keeps the log, so that another one cannot take over. It may continue then. */
async function stopped(owner: Owner, directory: string, seed: number, rng: Random): Promise<void> {
  owner.child.kill('SIGSTOP');
  const other = startOwner(directory, seed, 'ignore');
  await other.closed;
  expect(other.lines()).not.toContain('open');
  if (rng() < 0.5) return;
  owner.child.kill('SIGCONT');
  await more(owner, 3);
}

test(`an owner killed and stopped ${MINUTES > 0 ? `for ${MINUTES} minutes` : `${KILLS} times`} while it rolls: no record lost, double, or of a version that the map does not have`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stream-'));
  await registerVersions(directory);
  const rng = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
  const end = Date.now() + MINUTES * 60_000;
  let [kills, stops] = [0, 0];
  while (MINUTES > 0 ? Date.now() < end : kills < KILLS) {
    kills += 1;
    const owner = startOwner(directory, kills);
    await more(owner, 2 + Math.floor(rng() * 25));
    if (rng() < 0.3) {
      stops += 1;
      await stopped(owner, directory, 100_000 + kills, rng);
    }
    owner.child.kill('SIGKILL');
    await owner.closed;
    expect(owner.lines().filter((line) => line.startsWith('fault'))).toEqual([]);
  }
  const last = startOwner(directory, 0);
  await more(last, 20);
  last.child.stdin?.end('end\n');
  await last.closed;
  expect(last.lines()).toContain('closed');
  const found = foundTopics(directory);
  const { records, outputs, plans, ...wrong } = judgeRecords(found);
  console.info(`${kills} kills, ${stops} stops, ${records} records, ${plans} plans, ${JSON.stringify(wrong)}`);
  expect(wrong).toMatchObject({ lost: 0, double: 0, wrong: 0 });
  expect(outputs).toBe(records);
  expect(wrong.repeats).toBeGreaterThan(0);
  expect(plans).toBeGreaterThan(MINUTES > 0 ? LEAST_PLANS : KILLS);

  // A judge that finds nothing must be able to.
  const [first, ...others] = found.outputs;
  const other = { ...first, payload: first.payload.replace(/"version":\d+/, '"version":99') };
  expect(judgeRecords({ ...found, outputs: others })).toMatchObject({ lost: 1, double: 0, wrong: 0 });
  expect(judgeRecords({ ...found, outputs: [first, ...found.outputs] })).toMatchObject({ lost: 0, double: 1 });
  expect(judgeRecords({ ...found, outputs: [other, ...others] })).toMatchObject({ lost: 0, double: 0, wrong: 1 });
  rmSync(directory, { recursive: true, force: true });
}, 3_600_000);
