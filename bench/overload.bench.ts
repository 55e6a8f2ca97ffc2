import { defineProject } from 'headrace';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { purchases, shopperWithin } from './shop.ts';
import { runningShop, serveShop } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * Twice as many requests as can be answered, in an open loop over connections of many clients: who is turned away comes back
 * later, if at all, and another takes its place. A request is of 20 entities, as a ranking of candidates has them, so that
 * the load generator is not what ends first. The service has a budget. Yardstick: the same at half of what can be answered.
 */
const KEYS = 1_000;
const ENTITIES = 20;
const CONNECTIONS = 512;

const service = shopperWithin('ranking', '4ms');
const { headrace, now } = await runningShop(defineProject('overload_bench', { purchases, service }), KEYS);
const { server, url } = await serveShop(headrace, service);
const rank = zipf(KEYS, seededRandom(3));
const bodies = Array.from({ length: 500 }, () =>
  JSON.stringify({
    requests: Array.from({ length: ENTITIES }, (_, i) => ({ user: `u${rank()}`, at: now, basket: i % 100 })),
  }),
);
// So few connections keep the server busy and make nobody wait.
const peaks = [];
for (let round = 0; round < 3; round += 1) peaks.push(await wrk(url, 3, bodies, '*/*', 8));
const peak = Math.max(...peaks.map(({ requestsPerSecond }) => requestsPerSecond));
const plan = { bodies, connections: CONNECTIONS, seconds: 12, warmUpSeconds: 2, shared: true };
const half = await openLoop(url, { ...plan, perSecond: 0.5 * peak });
const twice = await openLoop(url, { ...plan, perSecond: 2 * peak });
const after = await openLoop(url, { ...plan, perSecond: 0.5 * peak });
await server.close();
await headrace.close();
console.error(JSON.stringify({ peak, half, twice, after }));

printFigure({
  name: `twice what can be answered (${peak.toFixed(0)} requests/s of ${ENTITIES} entities), open loop: p99 of what is answered`,
  unit: 'ms',
  value: twice.p99Ms,
  yardstick: 'the same at half of what can be answered',
  yardstickValue: half.p99Ms,
  aim: { of: 'ratio', atMost: 2 },
});
printFigure({
  name: 'the same: answered',
  unit: 'requests/s',
  value: twice.answeredPerSecond,
  yardstick: 'what can be answered',
  yardstickValue: peak,
  aim: { of: 'ratio', atLeast: 0.7 },
});
printFigure({
  name: 'the same: neither answered nor asked to come back, and turned away once the load had fallen',
  unit: 'requests',
  value: half.errors + half.turnedAway + twice.errors + after.errors + after.turnedAway,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 0 },
});
