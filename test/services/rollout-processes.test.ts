// @module-tag deep

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawnCli, startCli } from '../cli/run-cli.ts';
import { registerVersions } from '../rollouts/versions.ts';
import { until } from './until.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-rollout-processes-'));
let group: ChildProcess;
let url = '';
let ids = 0;

beforeAll(async () => {
  const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${path('src/index.ts')};
import { halfAtOnce, soldProject } from ${path('test/rollouts/sold-project.ts')};
const project = soldProject({ ...halfAtOnce, every: '1h' });
export default defineConfig({ project, environments: { local: { directory: 'data' } } });`,
  );
  mkdirSync(join(folder, 'data'));
  await registerVersions(join(folder, 'data'), 'sold', ['good', 'good', 'erring']);
  group = startCli(folder, ['serve', '--workers', '2', '--port', '0', '--json']);
  const [line]: unknown[] = await once(group.stdout ?? group, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
});

afterAll(() => {
  group?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Answered {
  readonly version: number;
  readonly cohort: string;
  readonly rollout: string | null;
}

/** One call on its own connection, so that the processes share them out; null where it got no prediction. */
function predict(caller: number, number = 0.5): Promise<Answered | null> {
  ids += 1;
  const body = { id: `p-${ids}`, request: { name: `caller ${caller}`, number, gaps: null, category: 1 } };
  const options = {
    method: 'POST',
    agent: new Agent(),
    headers: { 'content-type': 'application/json' },
    timeout: 5_000,
  };
  return new Promise((resolve) => {
    const asked = request(`${url}/v1/predictions/sold`, options, (answer) => {
      let text = '';
      answer.on('data', (bytes: Buffer) => {
        text += bytes.toString();
      });
      answer.on('end', () => resolve(answer.statusCode === 200 ? (JSON.parse(text) as Answered) : null));
      answer.on('error', () => resolve(null));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end(JSON.stringify(body));
  });
}

function pidOf(worker: string): number {
  for (const task of readFileSync(`/proc/${group.pid}/task/${group.pid}/children`, 'utf8').trim().split(' '))
    if (readFileSync(`/proc/${task}/environ`, 'utf8').includes(`HEADRACE_WORKER={"name":"${worker}"`))
      return Number(task);
  throw new Error(`no process is ${worker}`);
}

async function cohorts(): Promise<readonly string[]> {
  const answers = await Promise.all(Array.from({ length: 32 }, (_, caller) => predict(caller)));
  return answers.map((one) => (one === null ? 'none' : `${one.cohort} ${one.version}`));
}

test('every process answers the same cohort, also after a kill of the writer in the middle of a rollout', async () => {
  const started = await spawnCli(folder, ['rollout', 'start', 'sold', '2', '--reason', 'retrained']);
  expect([started.code, started.err]).toEqual([0, '']);
  expect(started.out).toContain('sold: version 1 → 2, canary, 50 % of callers');
  const before = await cohorts();
  expect(new Set(before)).toEqual(new Set(['canary 2', 'baseline 1']));
  process.kill(pidOf('writer'), 'SIGKILL');
  await until(async () => {
    const after = await cohorts();
    return after.includes('none') ? after.join() : JSON.stringify(after) === JSON.stringify(before);
  });
  const { out } = await spawnCli(folder, ['rollout', 'status', 'sold']);
  expect(out).toContain('canary, 50 % of callers');
});

test('the command line rolls back, and the next answer of every process is of the champion', async () => {
  const rolled = await spawnCli(folder, ['rollout', 'rollback', 'sold', '--reason', 'a complaint']);
  expect([rolled.code, rolled.err]).toEqual([0, '']);
  expect(rolled.out).toContain('rolledBack by');
  expect(new Set(await cohorts())).toEqual(new Set(['champion 1']));
  const none = await spawnCli(folder, ['rollout', 'promote', 'sold']);
  expect([none.code, none.err.split(':')[0]]).toEqual([2, 'ROLLOUT_NONE']);
});

test('a bad version is rolled back by itself while its requests come through all processes', async () => {
  await spawnCli(folder, ['rollout', 'start', 'sold', '3']);
  await until(async () => {
    await Promise.all(Array.from({ length: 32 }, (_, caller) => predict(caller, 1.5)));
    const { out } = await spawnCli(folder, ['rollout', 'status', 'sold', '--json']);
    return (JSON.parse(out) as { state: string }).state === 'rolledBack' ? true : out;
  });
  expect(new Set(await cohorts())).toEqual(new Set(['champion 1']));
  const audit = readFileSync(join(folder, 'data', 'audit.jsonl'), 'utf8');
  expect(audit).toContain('rollout start');
  expect(audit).toContain('rollout rollback');
});
