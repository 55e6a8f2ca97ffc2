import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { childEnv } from '../child-env.ts';
import { hasEnded } from '../has-ended.ts';
import { descendants } from '../process/processes.ts';
import { runs } from '../runs.ts';
import { until } from '../until.ts';

const MAIN = resolve('examples/flights/main.ts');

/** A replay of a small part, with the text that it has printed so far. */
function start(folder: string): {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
} {
  const args = ['--conditions=headrace-source', MAIN, '--limit', '30000', '--exit'];
  const child = spawn(process.execPath, args, { cwd: folder, env: childEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (out += bytes));
  child.stderr.on('data', (bytes: Buffer) => (err += bytes));
  return { child, out: () => out, err: () => err };
}

test('Ctrl-C in a step of npm start ends it with one line and all its programs, and the next one starts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-stop-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  // Events, the training in its process, and what comes after it.
  for (const step of ['replaying', 'trains late_departure', 'is champion'].slice(0, runs(2, 3))) {
    const { child, out, err } = start(folder);
    const hasStep = until(() => out().includes(step) || out());
    await Promise.race([hasStep, once(child, 'exit').then(() => expect(`${out()}${err()}`).toContain(step))]);
    const programs = descendants(child.pid ?? 0);
    const closed = once(child, 'close');
    child.kill('SIGINT');
    expect({ step, end: await closed }).toEqual({ step, end: [null, 'SIGINT'] });
    expect({ step, err: err() }).toEqual({ step, err: 'stopped: the next npm start begins again\n' });
    await until(() => programs.every(({ pid }) => hasEnded(pid)));
  }
}, 300_000);
