import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasEnded } from '../has-ended.ts';
import { runs } from '../runs.ts';
import { until } from '../until.ts';
import { lastJson, linkHeadrace, spawnCli, startCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-stop-'));

const PROJECT = `import { count, decimal, defineConfig, defineProject, entity, eventSource, featureService, gt, lookup, model, streamView, text, time } from 'headrace';

const visits = eventSource('visits', { id: 'visit', time: 'at', columns: { visit: text(), at: time(), user: text() } });
const orders = eventSource('orders', { id: 'visit', time: 'at', columns: { visit: text(), at: time(), price: decimal(2) } });
const recent = streamView('recent', {
  source: visits,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1d'],
  freshness: '1s',
  features: () => ({ visits: count() }),
});
const visitor = featureService('visitor', { request: { user: text() }, join: (r) => ({ recent: lookup(recent, { user: r.user }) }) });
const buys = model('buys', {
  task: 'binary',
  service: visitor,
  spine: { from: visits, id: 'visit' },
  label: { from: orders, id: 'visit', value: (e) => gt(e.price, 0), otherwise: false, within: '1h' },
  train: { with: { kind: 'command', command: [process.execPath, new URL('train.mjs', import.meta.url).pathname] } },
});

export default defineConfig({ project: defineProject('shop', { visits, orders, buys }), environments: { local: {} } });
`;

// Says that it runs, and never ends.
const TRAINER = `console.log('trainer ' + process.pid); setInterval(() => {}, 1000);`;
// Says that it is loaded, and never is.
const HANGING = `console.error('loading'); setInterval(() => {}, 1000); await new Promise(() => {}); export default {};`;

beforeAll(() => {
  linkHeadrace(folder);
  writeFileSync(join(folder, 'headrace.config.ts'), PROJECT);
  writeFileSync(join(folder, 'hanging.ts'), HANGING);
  writeFileSync(join(folder, 'train.mjs'), TRAINER);
  writeFileSync(join(folder, 'events.csv'), 'visit,at,user\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a child has printed to stderr so far. */
function errorsOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (bytes: Buffer) => (text += bytes.toString()));
  return () => text;
}

/** Commands that load a configuration first; the gate has one that serves, one that writes, and one that trains. */
const WAITING = [
  ['serve', '--port', '0'],
  ['ingest', 'visits', 'events.csv'],
  ['train', 'buys'],
  ['plan'],
  ['backfill', 'recent'],
  ['training-set', 'buys'],
  ['migrate', 'copy', '--to', 'local'],
];

test.each(WAITING.slice(0, runs(3, WAITING.length)))(
  'the first Ctrl-C ends headrace %s, whatever it waits for',
  async (...args) => {
    const child = startCli(folder, [...args, '--config', 'hanging.ts']);
    const printed = errorsOf(child);
    await until(() => printed().includes('loading'));
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
  },
);

test('Ctrl-C while a model is trained ends the trainer too, registers nothing, and leaves a project that continues', async () => {
  const hour = 3_600_000;
  const rows = Array.from({ length: 50 }, (_, i) => `v${i},${Date.now() - 2 * hour - i * 60_000},u${i % 5}`);
  writeFileSync(join(folder, 'events.csv'), `visit,at,user\n${rows.join('\n')}\n`);
  expect(await spawnCli(folder, ['ingest', 'visits', 'events.csv', '--bootstrap'])).toMatchObject({ code: 0 });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const child = startCli(folder, ['train', 'buys']);
    const printed = errorsOf(child);
    await until(() => /trainer \d+/.test(printed()));
    const trainer = Number(/trainer (\d+)/.exec(printed())?.[1]);
    child.kill(signal);
    const [code] = await once(child, 'exit');
    expect(code).toBe(6);
    expect(printed()).toContain('JOB_CANCELLED');
    await until(() => hasEnded(trainer));
  }
  const models = await spawnCli(folder, ['models', 'buys', '--json']);
  expect(models).toMatchObject({ code: 0 });
  expect(lastJson(models)).toEqual([{ model: 'buys', champion: null, versions: [] }]);
});

test('Ctrl-C ends a group of serving processes while it starts, its processes and its folder with it', async () => {
  const place = join(folder, 'tmp');
  mkdirSync(place);
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const args = [
    '--conditions=headrace-source',
    main,
    'serve',
    '--port',
    '0',
    '--workers',
    '2',
    '--config',
    'hanging.ts',
  ];
  const env = { ...process.env, TMPDIR: place };
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = errorsOf(child);
  await until(() => printed().includes('loading'));
  child.kill('SIGINT');
  // The pipe of stderr closes when the last process that holds it has ended.
  expect(await once(child, 'close')).toEqual([null, 'SIGINT']);
  expect(readdirSync(place).filter((name) => name.startsWith('headrace-'))).toEqual([]);
});
