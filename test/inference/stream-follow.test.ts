import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { ended, runCli, startCli } from '../cli/run-cli.ts';
import { until } from '../until.ts';
import { event, registerVersions } from './stream-site.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-follow-'));
const running: ChildProcess[] = [];

beforeAll(async () => {
  const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${path('src/index.ts')};
import { scoreProject } from ${path('test/inference/score-site.ts')};
export default defineConfig({ project: scoreProject().project, environments: { local: { directory: 'data', partitions: 3 } } });`,
  );
  await registerVersions(join(folder, 'data'));
});
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function serve(...more: readonly string[]) {
  const child = startCli(folder, ['serve', '--port', '0', '--json', ...more]);
  running.push(child);
  const closed = ended(child);
  const [line]: unknown[] = await once(child.stdout ?? child, 'data');
  const { url } = JSON.parse(String(line)) as { readonly url: string };
  const ask = async (route: string, body?: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`${url}${route}`, sent);
    return { status: answer.status, body: await answer.json() };
  };
  return { child, closed, ask };
}

/** A command that follows the outputs, and the ids that it printed. */
function follow(...more: readonly string[]) {
  const child = startCli(folder, ['stream', 'read', 'scored', '--follow', ...more]);
  running.push(child);
  const closed = ended(child);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    err += bytes.toString();
  });
  const ids = () =>
    out
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { readonly id: string }).id);
  return { child, closed, ids, err: () => err };
}

const sent = (first: number, count: number) => Array.from({ length: count }, (_, i) => event(first + i, Date.now()));
const same = (ids: readonly string[], first: number, count: number) =>
  ids.toSorted(compareText).join() ===
  sent(first, count)
    .map(({ id }) => id)
    .toSorted(compareText)
    .join();

test('a follower prints each output once over a restart and a kill of the server, and its cursor continues after it was killed itself', async () => {
  const nobody = await runCli(folder, ['stream', 'read', 'scored', '--follow']);
  expect([nobody.code, nobody.err]).toEqual([2, expect.stringContaining('a server that has the environment open')]);

  const first = await serve();
  const one = follow();
  expect((await first.ask('/v1/events/asked', sent(1, 20))).status).toBe(200);
  await until(() => same(one.ids(), 1, 20));
  first.child.kill('SIGTERM');
  await first.closed;
  await until(() => one.err().includes('waiting for it'));
  expect(one.err()).toMatch(/continue with --cursor \d+,\d+,\d+/);
  const second = await serve('--workers', '2');
  expect((await second.ask('/v1/events/asked', sent(21, 20))).status).toBe(200);
  await until(() => same(one.ids(), 1, 40));

  // Scores are features on a server with workers too, and nobody else sends them.
  await until(async () => {
    const { body } = await second.ask('/v1/features/of_scores', { request: { name: 'n3' } });
    return JSON.stringify(body).includes('"by_scored_1d":6');
  });
  expect(await second.ask('/v1/events/asked_scores', [{ id: 'x', at: Date.now() }])).toMatchObject({
    status: 400,
    body: { error: { code: 'STREAM_FED' } },
  });
  second.child.kill('SIGKILL');
  await second.closed;
  const third = await serve();
  expect((await third.ask('/v1/events/asked', [...sent(31, 10), ...sent(41, 10)])).status).toBe(200);
  await until(() => new Set(one.ids()).size === 50);

  one.child.kill('SIGINT');
  const end = await one.closed;
  expect(end.code).toBe(0);
  const cursor = /--cursor (\S+)\n$/.exec(end.err)?.[1] ?? '';
  const two = follow('--cursor', cursor);
  expect((await third.ask('/v1/events/asked', sent(51, 10))).status).toBe(200);
  await until(() => same(two.ids(), 51, 10));
  two.child.kill('SIGKILL');
  await two.closed;
  const wrong = await runCli(folder, ['stream', 'read', 'scored', '--follow', '--cursor', '9,9,9999999']);
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('its log of outputs ends at')]);
  third.child.kill('SIGTERM');
  expect((await third.closed).code).toBe(0);
}, 600_000);
