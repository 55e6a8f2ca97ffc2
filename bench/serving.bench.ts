import { openLoop } from '../examples/personalisation/open-loop.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { helloServer, LARGE_USERS, largeShop, runningShop, serveShop } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * A personalisation service over HTTP, embedded stores, one process and the load generator on the same machine: 24 features
 * over three tiers, 66 tiles a vector, keys by Zipf's law. The peak is wrk's (closed loop, 64 connections); then
 * requests fall due on a schedule at 80 % of it, and latency counts from when they were due. Then 100 entities a
 * request. Yardstick of rates: a bare node:http hello in the same run.
 */
const KEYS = 10_000;
const ENTITIES = 100;
const SECONDS = 3;

const { headrace, now } = await runningShop(shop, KEYS);
const { server, url } = await serveShop(headrace, shopper);
const hello = await helloServer();
const random = seededRandom(3);
const rank = zipf(KEYS, () => random());
const request = (i: number) => ({ user: `u${rank()}`, at: now, basket: i % 100 });
const bodies = Array.from({ length: 5_000 }, (_, i) => JSON.stringify({ request: request(i) }));
const batches = Array.from({ length: 200 }, () =>
  JSON.stringify({ requests: Array.from({ length: ENTITIES }, (_, i) => request(i)) }),
);

/** The users that these requests read, of all that there are. */
const distinct = (texts: readonly string[]) => new Set(texts.flatMap((text) => text.match(/"u\d+"/g) ?? [])).size;
const read = `${distinct(bodies).toLocaleString('en')} distinct users read`;

const costs: number[] = [];
const rates = { hello: [] as number[], one: [] as number[], many: [] as number[], binary: [] as number[] };
let errors = 0;
const load = async (into: number[], at: string, sent: readonly string[] = [], accept?: string) => {
  const seen = await wrk(at, SECONDS, sent, accept);
  errors += seen.errors;
  into.push(seen.requestsPerSecond);
};
for (let round = 0; round < 4; round += 1) {
  await load(rates.hello, hello.url);
  const before = process.cpuUsage();
  await load(rates.one, url, bodies);
  const { user, system } = process.cpuUsage(before);
  costs.push((user + system) / (SECONDS * (rates.one.at(-1) ?? Number.NaN)));
  await load(rates.many, url, batches);
  await load(rates.binary, url, batches, 'application/vnd.headrace.vectors');
}
// The first round warms up.
const [bare, peak, many, binary] = Object.values(rates).map((seen) => median(seen.slice(1)));
const atPeak = await openLoop(url, {
  bodies: bodies.slice(0, 1_000),
  // Who finds none free waits for one, which is in the latency.
  connections: 128,
  perSecond: 0.8 * peak,
  seconds: 12,
  warmUpSeconds: 2,
});
errors += atPeak.errors + atPeak.turnedAway;
hello.server.close();
await server.close();
await headrace.close();

const yardstick = { yardstick: 'bare node:http hello', yardstickValue: bare };
printFigure({
  name: `personalisation service over HTTP, peak, zipf keys, ${read}, all in memory, load generator on the same cores`,
  unit: 'requests/s',
  value: peak,
  ...yardstick,
  aim: { of: 'value', atLeast: 50_000 },
});
printFigure({
  name: 'the same, processor time of the server for a request',
  unit: 'µs',
  value: median(costs.slice(1)),
  yardstick: null,
  yardstickValue: null,
  aim: null,
});
printFigure({
  name: `the same, p99 at an open-loop ${(0.8 * peak).toFixed(0)} requests/s, 80 % of the peak`,
  unit: 'ms',
  value: atPeak.p99Ms,
  yardstick: 'its median',
  yardstickValue: atPeak.p50Ms,
  aim: { of: 'value', atMost: 10 },
});
printFigure({
  name: 'the same, of the load generator itself: p99 of how late its turns came',
  unit: 'ms',
  value: atPeak.own.delayP99Ms,
  yardstick: 'cores that it took',
  yardstickValue: atPeak.own.cores,
  aim: null,
});
printFigure({
  name: `${ENTITIES} entities a request over HTTP, ${distinct(batches).toLocaleString('en')} distinct users read, as JSON`,
  unit: 'vectors/s',
  value: many * ENTITIES,
  ...yardstick,
  aim: null,
});
printFigure({
  name: `${ENTITIES} entities a request over HTTP, binary`,
  unit: 'vectors/s',
  value: binary * ENTITIES,
  ...yardstick,
  aim: null,
});
printFigure({
  name: 'the same: calls that failed or were turned away',
  unit: 'calls',
  value: errors,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 0 },
});

// Users that are not in memory: each request reads one at random, of all.
const large = await largeShop(shop);
const served = await serveShop(large.headrace, shopper);
const anyUser = { before: '{"request":{"user":"u', of: LARGE_USERS, after: `","at":${large.now},"basket":7}}` };
const largeRates: number[] = [];
const largeCosts: number[] = [];
let largeErrors = 0;
for (let round = 0; round < 4; round += 1) {
  const before = process.cpuUsage();
  const seen = await wrk(served.url, SECONDS, anyUser);
  const { user, system } = process.cpuUsage(before);
  largeErrors += seen.errors;
  largeRates.push(seen.requestsPerSecond);
  largeCosts.push((user + system) / (SECONDS * seen.requestsPerSecond));
}
const { evicted } = large.headrace.status().memory;
await served.server.close();
await large.headrace.close();
if (evicted === 0) throw new Error('the users fit into memory');
const over = `any of ${LARGE_USERS.toLocaleString('en')} users, most of them not in memory`;
printFigure({
  name: `personalisation service over HTTP, peak, ${over}, three purchases a user, load generator on the same cores`,
  unit: 'requests/s',
  value: median(largeRates.slice(1)),
  yardstick: `the same with ${read}`,
  yardstickValue: peak,
  aim: null,
});
printFigure({
  name: 'the same, processor time of the server for a request',
  unit: 'µs',
  value: median(largeCosts.slice(1)),
  yardstick: `the same with ${read}`,
  yardstickValue: median(costs.slice(1)),
  aim: null,
});
printFigure({
  name: 'the same: calls that failed',
  unit: 'calls',
  value: largeErrors,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 0 },
});
