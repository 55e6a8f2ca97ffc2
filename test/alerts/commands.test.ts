import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastJson, runCli, startCli } from '../cli/run-cli.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'headrace-alert-commands-'));
const started: ChildProcess[] = [];
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'headrace'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'headrace.config.ts'), configText());
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

function configText(): string {
  return `import { bool, count, defineConfig, defineProject, entity, eventSource, featureService, float, lookup, model, streamView, text, time } from 'headrace';
const orders = eventSource('orders', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text(), amount: float() } });
const outcomes = eventSource('outcomes', { id: 'id', time: 'at', columns: { id: text(), at: time(), order: text(), fraud: bool() } });
const byUser = streamView('by_user', { source: orders, entity: entity('user', { user: text() }), key: { user: 'user' }, windows: ['1h'], freshness: '1s', features: () => ({ orders: count() }) });
const order = featureService('order', { request: { user: text(), amount: float() }, join: (r) => ({ user: lookup(byUser, { user: r.user }) }), compute: (r) => ({ amount: r.amount }) });
const fraud = model('fraud', { task: 'binary', service: order, spine: { from: orders, id: 'id' }, label: { from: outcomes, id: 'order', value: (e) => e.fraud, within: '1d' }, train: { with: { kind: 'logisticRegression' } } });
export default defineConfig({ project: defineProject('watch', { orders, outcomes, byUser, order, fraud }), environments: { local: {
  alerts: {
    sinks: { hook: { kind: 'webhook', url: '${receiver.url}/hook' }, pager: { kind: 'webhook', url: '${receiver.url}/pager' } },
    routes: [{ severities: ['page'], to: ['pager'] }, { tiers: [2], models: ['fraud'], to: ['hook'] }],
    rules: 'rules/headrace.yml',
  },
} } });
`;
}

const actions = (path: string) =>
  receiver.received
    .filter((one) => one.path === path)
    .map(({ body }) => (JSON.parse(body) as { action: string }).action);

test('a test alert takes the routes of a real one, is opened and resolved, and fails as a real one would', async () => {
  const paged = await runCli(folder, ['alerts', 'test', 'fraud', '--json']);
  expect([paged.code, lastJson(paged)]).toEqual([0, [{ sink: 'pager', outcome: 'accepted', reason: null }]]);
  expect([actions('/pager'), actions('/hook')]).toEqual([['opened', 'resolved'], []]);
  const nowhere = await runCli(folder, ['alerts', 'test', 'fraud', '--severity', 'ticket', '--tier', '1']);
  expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining('ALERT_UNROUTED')]);
  receiver.otherwise = 404;
  const failed = await runCli(folder, ['alerts', 'test', 'fraud']);
  expect(failed.code).toBe(4);
  expect(failed.err).toContain('pager: it answered 404');
  receiver.otherwise = 200;
});

test('a server shows incidents and dead letters in status and over HTTP; they are silenced and retried there', async () => {
  const server = startCli(folder, ['serve', '--port', '0', '--json']);
  started.push(server);
  const [line]: unknown[] = await once(createInterface(server.stdout ?? process.stdin), 'line');
  const { url } = JSON.parse(String(line)) as { url: string };
  const read = async (path: string) => (await fetch(url + path)).json() as Promise<Record<string, never>>;
  const post = (body: object) =>
    fetch(`${url}/v1/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const status = await read('/v1/status');
  expect(status).toMatchObject({ alerts: { open: 0, dead: [{ sink: 'pager', error: 'it answered 404: said' }] } });
  expect(status['degraded']).toContain('1 alerts were not delivered to sink pager: it answered 404: said');
  expect((await runCli(folder, ['status', url])).out).toContain('given up: incident');
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(
    'headrace_alert_deliveries{sink="pager",state="dead"} 1',
  );
  expect(await read('/v1/alerts')).toMatchObject({ undelivered: [{ sink: 'pager', state: 'dead' }], silences: [] });
  const { incidents, next } = (await read('/v1/incidents?model=fraud&limit=1')) as unknown as {
    incidents: { no: number }[];
    next: number;
  };
  expect(incidents).toMatchObject([{ model: 'fraud', state: 'resolved' }]);
  expect(await read(`/v1/incidents/${incidents[0].no}`)).toMatchObject({
    incident: incidents[0],
    deliveries: [{ incident: incidents[0].no, sink: 'pager' }],
  });
  expect(await read(`/v1/incidents?model=fraud&before=${next ?? 1}`)).not.toMatchObject({ incidents });
  expect(await read('/v1/incidents?state=open')).toEqual({ incidents: [], next: null });
  for (const wrong of ['limit=0', 'limit=501', 'before=0', 'kind=other', 'state=gone', 'other=1'])
    expect((await fetch(`${url}/v1/incidents?${wrong}`)).status, wrong).toBe(400);
  for (const none of ['0', '999', 'x', '1e3'])
    expect(await read(`/v1/incidents/${none}`)).toMatchObject({ error: { code: 'ALERT_UNKNOWN' } });
  expect((await post({ action: 'silence', model: 'fraud', for: '1h', reason: '' })).status).toBe(400);
  expect((await post({ action: 'silence', for: '1h', reason: 'deploy' })).status).toBe(400);
  expect((await post({ action: 'acknowledge', incident: 1 })).status).toBe(404);
  expect((await post({ action: 'retry', sink: 'nothing' })).status).toBe(404);
  expect(await (await post({ action: 'silence', model: 'fraud', for: '1h', reason: 'deploy' })).json()).toMatchObject({
    silences: [{ id: 1, reason: 'deploy' }],
  });
  // The silence is seen by a test: its message waits.
  const silent = await runCli(folder, ['alerts', 'test', 'fraud', '--json']);
  expect([silent.code, lastJson(silent)]).toMatchObject([0, [{ sink: 'pager', outcome: 'waiting' }]]);
  expect((await post({ action: 'unsilence', silence: 1 })).status).toBe(200);
  expect((await post({ action: 'unsilence', silence: 1 })).status).toBe(400);
  expect(await (await post({ action: 'retry' })).json()).toMatchObject({
    undelivered: expect.arrayContaining([expect.objectContaining({ state: 'waiting' })]),
  });
  expect(lastJson(await runCli(folder, ['alerts', 'retry', '--json']))).toMatchObject({ again: 0 });
});

test('the monitor writes the file of Prometheus rules, which names the figures that exist', async () => {
  await runCli(folder, ['monitor', '--once']);
  const rules = await runCli(folder, ['alerts', 'rules']);
  expect(rules.out).toContain('headrace_incidents_open{model=\\"fraud\\", severity=\\"page\\"}');
  expect(readFileSync(join(folder, 'rules', 'headrace.yml'), 'utf8').trimEnd()).toBe(rules.out.trimEnd());
});
