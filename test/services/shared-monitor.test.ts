import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { openMonitorStore } from '../../src/compose/open-registry.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { playbookStoreContracts } from '../../src/testing/contracts/playbook-store.ts';
import { alertRules } from '../alerts/alert-store-rules.ts';
import { startReceiver } from '../alerts/receiver.ts';
import { linkHeadrace, startCli } from '../cli/run-cli.ts';
import { WatchedRun, watchedProject } from '../playbook/watched-project.ts';
import { postgresAlerts, postgresPlaybooks } from '../sql-stores.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

const HOUR_MS = 3_600_000;
const [url = ''] = addressOf('POSTGRES_URL');

/** Options of a schema that nobody else has. */
function freshSchema() {
  return { url, password: null, schema: `test_${randomUUID().replaceAll('-', '')}`, ca: null };
}

describe('on PostgreSQL', () => {
  test.each(playbookStoreContracts)('journals keep rule $rule: $name', async ({ run }) => {
    const options = freshSchema();
    await run({ open: () => postgresPlaybooks(options) });
  });

  test.each(alertRules)('incidents keep their rule: $name', async ({ run }) => {
    const options = freshSchema();
    await run(() => postgresAlerts(options));
  });
});

const playbook = {
  owner: 'risk',
  retrain: { rows: 200, cooldown: '1h' },
  gate: { recent: '1h', rows: 100 },
  shadow: { labels: 100 },
} as const;

/** The configuration of a host: its own directory, the registry of all. */
function configOf(directory: string, schema: string, hook: string): string {
  const declared = fileURLToPath(new URL('../playbook/watched-project.ts', import.meta.url));
  const environment = {
    directory,
    registry: { kind: 'postgres', url, schema },
    alerts: { sinks: { hook: { kind: 'webhook', url: hook, rate: { messages: 1000, per: '1h' } } } },
  };
  return `import { defineConfig } from 'headrace';
import { watchedProject } from ${JSON.stringify(declared)};
const { project } = watchedProject(${JSON.stringify(playbook)});
export default defineConfig({ project, environments: { local: ${JSON.stringify(environment)} } });
`;
}

/** Hours of a model whose labels turned, in a directory; the files of models are elsewhere. */
async function driftedHistory(directory: string, artifacts: string, schema: string): Promise<void> {
  mkdirSync(directory);
  symlinkSync(artifacts, join(directory, 'artifacts'));
  const start = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 8 * HOUR_MS;
  const registry = { kind: 'postgres', url, schema } as const;
  const run = await WatchedRun.open(directory, watchedProject(playbook), { start, registry });
  await run.firstChampion();
  for (let at = 1; at < 8; at += 1) await run.traffic(at, { turned: at >= 4, logged: true });
  await run.headrace.close();
}

test('of three hosts one judges at a time, whichever dies: one page, one training, one decision log', async () => {
  const { schema } = freshSchema();
  const receiver = await startReceiver();
  const folder = mkdtempSync(join(tmpdir(), 'headrace-three-hosts-'));
  const children: ChildProcess[] = [];
  onTestFinished(async () => {
    for (const child of children) child.kill('SIGKILL');
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const artifacts = join(folder, 'artifacts');
  mkdirSync(artifacts);
  await driftedHistory(join(folder, 'data-0'), artifacts, schema);
  for (const host of [1, 2])
    cpSync(join(folder, 'data-0'), join(folder, `data-${host}`), { recursive: true, verbatimSymlinks: true });

  /** The hosts that judged, in order. */
  const judges: number[] = [];
  const running = new Map<number, ChildProcess>();
  const startHost = (host: number) => {
    const child = startCli(join(folder, `host-${host}`), ['monitor', '--every', '1']);
    children.push(child);
    running.set(host, child);
    createInterface({ input: child.stdout ?? process.stdin }).on('line', () => judges.push(host));
    child.stderr?.resume();
  };
  for (const host of [0, 1, 2]) {
    mkdirSync(join(folder, `host-${host}`));
    linkHeadrace(join(folder, `host-${host}`));
    writeFileSync(join(folder, `host-${host}`, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(folder, `host-${host}`, 'headrace.config.ts'),
      configOf(join(folder, `data-${host}`), schema, receiver.url),
    );
    startHost(host);
  }

  const random = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
  for (let kill = 0; kill < 3; kill += 1) {
    const before = judges.length;
    await until(() => judges.length >= before + 1 + Math.floor(random() * 3), { longestMs: 240_000 });
    const holder = judges.at(-1) ?? 0;
    // From then on no other host has judged: the lease is the holder's.
    expect(new Set(judges.slice(before)).size).toBe(1);
    running.get(holder)?.kill('SIGKILL');
    running.delete(holder);
    const dead = judges.length;
    await until(() => judges.slice(dead).some((host) => host !== holder), { longestMs: 240_000 });
    judges.splice(0, judges.lastIndexOf(holder) + 1);
    startHost(holder);
  }

  const store = await postgresPlaybooks({ url, password: null, schema, ca: null });
  onTestFinished(() => store.close());
  const entries = () => store.entries('watched');
  await until(async () => (await entries()).some((one) => one.kind === 'finished' && 'version' in one.result), {
    longestMs: 240_000,
  });
  const did = (action: string) => async () =>
    (await entries()).filter((one) => one.kind === 'decided' && one.action.do === action).length;
  expect(await did('retrain')()).toBe(1);
  const isPage = (body: string) => /"severity":"page"/.test(body);
  const messages = receiver.received.filter(({ body }) => isPage(body)).map(({ headers }) => headers['webhook-id']);
  // A message whose sender died comes again under its key.
  expect(new Set(messages).size).toBe(1);

  // Each host reads the same state, incidents and journal, wherever they were written.
  const seen = await Promise.all(
    [0, 1, 2].map(async (host) => {
      const directory = join(folder, `data-${host}`);
      const registry = { kind: 'postgres', url, schema } as const;
      const monitors = await openMonitorStore(resolveEnvironment('local', { directory, registry }, 'watch'));
      const state = JSON.parse((await monitors.read()) ?? '{}') as { monitors?: unknown[] };
      await monitors.close();
      return state.monitors?.length;
    }),
  );
  expect(seen).toEqual([3, 3, 3]);
}, 900_000);
