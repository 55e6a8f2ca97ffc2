import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runCli, startCli } from '../cli/run-cli.ts';
import { until } from '../until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'headrace-monitor-process-'));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

mkdirSync(join(folder, 'node_modules'));
symlinkSync(root, join(folder, 'node_modules', 'headrace'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
writeFileSync(
  join(folder, 'headrace.config.ts'),
  `import { bool, count, defineConfig, defineProject, entity, eventSource, featureService, float, lookup, model, streamView, text, time } from 'headrace';
const orders = eventSource('orders', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text(), amount: float() } });
const outcomes = eventSource('outcomes', { id: 'id', time: 'at', columns: { id: text(), at: time(), order: text(), fraud: bool() } });
const user = entity('user', { user: text() });
const byUser = streamView('by_user', { source: orders, entity: user, key: { user: 'user' }, windows: ['1h'], freshness: '1s', features: () => ({ orders: count() }) });
const order = featureService('order', { request: { user: text(), amount: float() }, join: (r) => ({ user: lookup(byUser, { user: r.user }) }), compute: (r) => ({ amount: r.amount }) });
const fraud = model('fraud', { task: 'binary', service: order, spine: { from: orders, id: 'id' }, label: { from: outcomes, id: 'order', value: (e) => e.fraud, within: '1d' }, train: { with: { kind: 'logisticRegression' } }, monitors: [{ kind: 'featureDrift', rule: 'ks<0.05' }] });
export default defineConfig({ project: defineProject('watch', { orders, outcomes, byUser, order, fraud }), environments: { local: {} } });
`,
);

function startMonitor(): { child: ChildProcess; said: () => string } {
  const child = startCli(folder, ['monitor', '--every', '1']);
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
  return { child, said: () => text };
}

const state = () => JSON.parse(readFileSync(join(folder, '.headrace', 'drift.json'), 'utf8')) as { at: number };

test('a second monitor waits, and takes over when the first is killed; a call for one judgement is refused meanwhile', async () => {
  const first = startMonitor();
  await until(() => first.said().includes('monitors judged'));
  const second = startMonitor();
  await until(() => second.said().includes('another process monitors'));
  const refused = await runCli(folder, ['monitor', '--once']);
  expect(refused).toMatchObject({ code: 4 });
  expect(refused.err).toContain('DRIFT_MONITOR');
  expect(second.said()).not.toContain('monitors judged');
  first.child.kill('SIGKILL');
  await until(() => second.said().includes('monitors judged'));
  const { at } = state();
  await until(() => state().at > at);
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');
  expect((await runCli(folder, ['monitor', '--once', '--json'])).out).toContain('"monitors":0');
});

test('a server runs the monitor as its child, and the child ends with it', async () => {
  rmSync(join(folder, '.headrace', 'drift.json'));
  const server = startCli(folder, ['serve', '--port', '0', '--json']);
  started.push(server);
  const [line]: unknown[] = await once(createInterface(server.stdout ?? process.stdin), 'line');
  const { url } = JSON.parse(String(line)) as { url: string };
  const watch = async () => ((await (await fetch(`${url}/v1/drift`)).json()) as { watch: string }).watch;
  await until(async () => (await watch()) === 'watched');
  expect((await runCli(folder, ['monitor', '--once'])).err).toContain('DRIFT_MONITOR');
  server.kill('SIGKILL');
  // Its lease is free once it has ended too.
  await until(async () => (await runCli(folder, ['monitor', '--once'])).code === 0);
});

test('status names a model without a champion and the price of its rule, and a report of it is refused', async () => {
  const { out } = await runCli(folder, ['drift', 'status']);
  expect(out).toContain('fraud: no champion, nothing is watched');
  expect(out).toMatch(/featureDrift of fraud, rule ks<0.05, .*without drift 2.4 false alarms a day, 219 a quarter/);
  expect((await runCli(folder, ['drift', 'report', 'fraud'])).err).toContain('DRIFT_CHAMPION');
  expect((await runCli(folder, ['drift', 'windows', 'nothing'])).err).toContain('MODEL_UNKNOWN');
});
