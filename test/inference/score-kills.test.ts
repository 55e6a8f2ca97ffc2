import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { startReceiver } from '../alerts/receiver.ts';
import { childEnv } from '../child-env.ts';
import { until } from '../until.ts';
import { acceptedScores, outputsIn, type SentOutput, scoreProject, scoresOf, sortedScores } from './score-site.ts';
import { registerVersions } from './stream-site.ts';

/** More by hand: `HEADRACE_SCORE_KILLS=100`. */
const KILLS = Number(process.env['HEADRACE_SCORE_KILLS'] ?? 3);
const program = fileURLToPath(new URL('./processes/score-owner.ts', import.meta.url));

interface Owner {
  readonly child: ChildProcess;
  readonly lines: () => readonly string[];
  readonly closed: Promise<unknown>;
}

function startOwner(args: readonly string[]): Owner {
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: childEnv(),
  });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  return { child, closed, lines: () => printed.split('\n').filter(Boolean) };
}

test(`an owner killed ${KILLS} times, at any step and with a message on its way: each score is once in the source, once in files, and in messages under one name`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-scores-'));
  const folder = mkdtempSync(join(tmpdir(), 'headrace-score-files-'));
  await registerVersions(directory);
  const receiver = await startReceiver();
  const rng = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
  for (let kill = 0; kill < KILLS; kill += 1) {
    // Some die while the receiver has their message and its answer is lost or has not come.
    const dies = kill % 3;
    const before = receiver.received.length;
    receiver.plan = dies === 0 ? [] : [...Array(Math.floor(rng() * 8)).fill(200), dies === 1 ? 'hang' : 'lose'];
    const planned = receiver.plan.length;
    const owner = startOwner([directory, receiver.url, folder, String(kill)]);
    const steps = 2 + Math.floor(rng() * 20);
    await until(() => (dies === 0 ? owner.lines().length >= steps : receiver.received.length >= before + planned));
    owner.child.kill('SIGKILL');
    await owner.closed;
    expect(owner.lines()).not.toContain('closed');
  }
  receiver.plan = [];
  const last = startOwner([directory, receiver.url, folder, String(KILLS)]);
  await until(() => last.lines().length >= 10);
  last.child.stdin?.end('end\n');
  await last.closed;
  expect(last.lines()).toContain('closed');

  const line = last.lines().find((text) => text.startsWith('outputs ')) ?? '';
  const outputs: readonly SentOutput[] = JSON.parse(line.slice('outputs '.length));
  const firsts = outputs.filter(({ first }) => first === undefined);
  expect(outputs.length).toBeGreaterThan(firsts.length);
  expect(new Set(firsts.map(({ id }) => id)).size).toBe(firsts.length);
  const byPlace = (some: readonly SentOutput[]) => new Map(some.map((one) => [`${one.partition}/${one.offset}`, one]));
  const wanted = byPlace(firsts);
  const messages = receiver.received
    .filter(({ status }) => status === 200)
    .flatMap(({ body }): readonly SentOutput[] => JSON.parse(body).outputs);
  expect(byPlace(messages)).toEqual(wanted);
  const files = outputsIn(folder);
  expect(files).toHaveLength(firsts.length);
  expect(byPlace(files)).toEqual(wanted);
  const accepted = await acceptedScores(directory, scoreProject());
  expect(sortedScores(accepted)).toEqual(sortedScores(scoresOf(firsts)));
  console.info(`${KILLS} kills, ${outputs.length} outputs, ${firsts.length} events, ${messages.length} sent`);
  await receiver.close();
  for (const one of [directory, folder]) rmSync(one, { recursive: true, force: true });
}, 3_600_000);
