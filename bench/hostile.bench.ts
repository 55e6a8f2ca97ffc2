import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { defineProject } from 'headrace';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { purchases, shopper } from './shop.ts';
import { runningShop, serveShop } from './shop-server.ts';

/**
 * Honest clients in an open loop, alone and next to ten kinds of hostile ones (`hostile-clients.ts`), each of which comes thirty times a
 * second. Yardstick: the honest ones alone.
 */
const KEYS = 1_000;
const PER_SECOND = 1_000;
const HOSTILE_PER_SECOND = 30;

const { headrace, now } = await runningShop(defineProject('hostile_bench', { purchases, shopper }), KEYS);
const { server, url } = await serveShop(headrace, shopper);
const rank = zipf(KEYS, seededRandom(3));
const bodies = Array.from({ length: 500 }, (_, i) =>
  JSON.stringify({ request: { user: `u${rank()}`, at: now, basket: i % 100 } }),
);
const plan = { bodies, connections: 32, seconds: 12, warmUpSeconds: 2, perSecond: PER_SECOND };
const alone = await openLoop(url, plan);
const hostile = spawn(
  process.execPath,
  [new URL('./hostile-clients.ts', import.meta.url).pathname, new URL(url).port, `${HOSTILE_PER_SECOND}`],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
const beside = await openLoop(url, plan);
hostile.stdin.end();
const sent = JSON.parse(await text(hostile.stdout)) as Readonly<Record<string, number>>;
await server.close();
await headrace.close();
console.error(JSON.stringify({ alone, beside, sent }));
const all = Object.values(sent).reduce((sum, count) => sum + count, 0);

printFigure({
  name: `honest clients (${PER_SECOND} requests/s) beside ${Object.keys(sent).length} kinds of hostile ones (${all} connections in ${plan.seconds} s): p99`,
  unit: 'ms',
  value: beside.p99Ms,
  yardstick: 'the same alone',
  yardstickValue: alone.p99Ms,
  aim: { of: 'ratio', atMost: 2 },
});
printFigure({
  name: 'the same: requests without an answer',
  unit: 'requests',
  value: beside.due - beside.answered,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 0 },
});
