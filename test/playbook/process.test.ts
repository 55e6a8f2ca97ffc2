import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runCli, startCli } from '../cli/run-cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'headrace-playbook-process-'));
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
const of = { task: 'binary', service: order, spine: { from: orders, id: 'id' }, label: { from: outcomes, id: 'order', value: (e) => e.fraud, within: '1d' }, train: { with: { kind: 'logisticRegression' } } } as const;
const fraud = model('fraud', { ...of, playbook: { owner: 'risk', mode: 'dryRun' } });
const plain = model('plain', of);
export default defineConfig({ project: defineProject('watch', { orders, outcomes, byUser, order, fraud, plain }), environments: { local: {} } });
`,
);

test('people freeze, thaw and read a playbook from the command line, with or without a server, and each call is coded and audited', async () => {
  expect((await runCli(folder, ['playbook', 'status', 'plain'])).err).toContain('PLAYBOOK_NONE');
  expect((await runCli(folder, ['playbook', 'approve', 'fraud'])).err).toContain('PLAYBOOK_ANSWER');
  expect((await runCli(folder, ['playbook', 'freeze', 'fraud', '--reason', 'release week'])).out).toContain(
    'frozen since',
  );
  const server = startCli(folder, ['serve', '--port', '0', '--json']);
  started.push(server);
  const [line]: unknown[] = await once(createInterface(server.stdout ?? process.stdin), 'line');
  const { url } = JSON.parse(String(line)) as { url: string };
  const asked = async (method: string, path: string, body?: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }),
    });
    return { status: answer.status, ...((await answer.json()) as Record<string, unknown>) };
  };
  expect(await asked('GET', '/v1/playbooks/fraud')).toMatchObject({
    mode: 'dryRun',
    frozen: { reason: 'release week' },
  });
  expect(await asked('GET', '/v1/playbooks/plain')).toMatchObject({ status: 404, error: { code: 'PLAYBOOK_NONE' } });
  expect(await asked('POST', '/v1/playbooks/fraud', { action: 'freeze' })).toMatchObject({
    status: 409,
    error: { code: 'PLAYBOOK_FROZEN' },
  });
  expect(await asked('POST', '/v1/playbooks/fraud', { action: 'accept' })).toMatchObject({ status: 400 });
  const thawed = await runCli(folder, ['playbook', 'freeze', 'fraud', '--thaw', '--server', url]);
  expect(thawed.out).not.toContain('frozen since');
  const log = await runCli(folder, ['playbook', 'log', 'fraud', '--server', url]);
  expect(log.out.split('\n').filter((one) => one !== '')).toEqual([
    expect.stringContaining('froze it: release week'),
    expect.stringContaining('thawed it'),
  ]);
  // The monitor, a child of the server, writes the limits among them.
  expect(await asked('GET', '/v1/playbooks/fraud?after=1&replay=history')).toMatchObject({
    entries: expect.arrayContaining([expect.objectContaining({ kind: 'thawed', by: expect.any(String) })]),
    replay: { decisions: 0, different: [], changedInputs: [] },
  });
  const { err } = await runCli(folder, ['playbook', 'status', 'nothing', '--server', url]);
  expect(err).toContain('MODEL_UNKNOWN');
}, 600_000);
