import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { root } from '../scripts/run-command.ts';
import { environmentOf, redisBinary } from '../scripts/services/binaries.ts';
import { peerPython } from '../scripts/yardstick/peers.ts';
import { printFigure } from './figure.ts';
import { measureRates, median } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { runningShop, serveShop, USERS } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * A vector of 24 features over three tiers, windows among them, next to 24 stored numbers of Feast on a Redis: over HTTP, one
 * server process of each and wrk on the same cores, and in process. The two take turns. Processor time of the server for a
 * request depends less on other load.
 */
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 5);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 3);
const READS = 20_000;

interface Found {
  readonly perSecond: number;
  readonly serverMs: number;
  readonly inProcessPerSecond: number;
}

const python = await peerPython('feast');
const redis = await redisBinary();
const { headrace, now } = await runningShop(shop);
const { server, url } = await serveShop(headrace, shopper);
const requests = Array.from({ length: 200 }, (_, i) => ({ user: `u${(i * 7) % USERS}`, at: now, basket: i }));
const bodies = requests.map((request) => JSON.stringify({ request }));
const found = { ours: [] as Found[], feast: [] as Found[] };
for (let round = 0; round < ROUNDS; round += 1) {
  found.ours.push(await ours());
  found.feast.push(feast());
}
await server.close();
await headrace.close();

const what = 'vector of 24 features';
const of = (side: readonly Found[], name: keyof Found) => median(side.map((one) => one[name]));
for (const [name, key, unit, aim] of [
  [`${what}, over HTTP, one process, wrk on the same cores`, 'perSecond', 'requests/s', { atLeast: 10 }],
  [`${what}, over HTTP: processor time of the server for a request`, 'serverMs', 'ms', { atMost: 0.1 }],
  [`${what}, in process, one after the other`, 'inProcessPerSecond', 'vectors/s', { atLeast: 10 }],
] as const)
  printFigure({
    name,
    unit,
    value: of(found.ours, key),
    yardstick: 'Feast 0.67.0, 24 numbers stored in a Redis',
    yardstickValue: of(found.feast, key),
    aim: { of: 'ratio', ...aim },
  });

async function ours(): Promise<Found> {
  await wrk(url, 1, bodies);
  const before = process.cpuUsage();
  const { requestsPerSecond, errors } = await wrk(url, SECONDS, bodies);
  const { user, system } = process.cpuUsage(before);
  if (errors > 0) throw new Error(`${errors} answers were none`);
  const { reads } = await measureRates({ reads: { operations: READS, run: read } }, { warmUps: 1, rounds: 1 });
  const serverMs = (user + system) / 1_000 / (requestsPerSecond * SECONDS);
  return { perSecond: requestsPerSecond, serverMs, inProcessPerSecond: reads };
}

async function read(): Promise<void> {
  for (let i = 0; i < READS; i += 1) await headrace.vector(shopper, requests[i % requests.length]);
}

function feast(): Found {
  const args = [
    'scripts/yardstick/feast_server.py',
    '--layout',
    'one-view',
    '--seconds',
    String(SECONDS),
    '--in-process',
  ];
  const env = { ...process.env, ...environmentOf(redis), PATH: `${dirname(redis.path)}:${process.env['PATH']}` };
  const { status, stdout, stderr } = spawnSync(python, args, { cwd: root, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.slice(-500));
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}
