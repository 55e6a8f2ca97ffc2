import { openLoop } from '../examples/personalisation/open-loop.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { purchases, shop, shopper } from './shop.ts';
import { runningShop, serveShop } from './shop-server.ts';

/**
 * 20,000 events and 20,000 reads a second together, over HTTP in an open loop, one serving process and both generators on the
 * same machine; keys by Zipf's law, events in calls of a hundred. The project ticks as `headrace serve` has it, so
 * that commits of tiles fall into the time measured. An event is in what is served when its call is answered: that is its
 * freshness. Yardstick: the same reads without events.
 */
const KEYS = 10_000;
const PER_SECOND = 20_000;
const BATCH = 100;
const SECONDS = 24;
const WARM_UP = 2;

const { headrace, now } = await runningShop(shop, KEYS);
const { server, url } = await serveShop(headrace, shopper);
const random = seededRandom(7);
const rank = zipf(KEYS, () => random());
const reads = Array.from({ length: 2_000 }, (_, i) =>
  JSON.stringify({ request: { user: `u${rank()}`, at: now, basket: i % 100 } }),
);
let id = 0;
const calls = Array.from({ length: (SECONDS * PER_SECOND) / BATCH }, () =>
  JSON.stringify(
    Array.from({ length: BATCH }, () => {
      id += 1;
      return { id: `m${id}`, at: now - 1, user: `u${rank()}`, price: id % 997, items: id % 7 };
    }),
  ),
);
let ticking = Promise.resolve();
const timer = setInterval(() => {
  ticking = ticking.then(() => headrace.tick());
}, 1_000);
// Over fewer than 300 connections what waits 15 ms at this rate waits in the generator.
const plan = { connections: 300, seconds: SECONDS, warmUpSeconds: WARM_UP };
const alone = await openLoop(url, { ...plan, bodies: reads, perSecond: PER_SECOND, seconds: 8 });
const [read, written] = await Promise.all([
  openLoop(url, { ...plan, bodies: reads, perSecond: PER_SECOND }),
  openLoop(`${server.url}/v1/events/${purchases.name}`, {
    ...plan,
    connections: 4,
    bodies: calls,
    perSecond: PER_SECOND / BATCH,
  }),
]);
clearInterval(timer);
await ticking;
await server.close();
await headrace.close();
printFigure({
  name: '20,000 reads/s with 20,000 events/s over HTTP, open loop: p99 of a read',
  unit: 'ms',
  value: read.p99Ms,
  yardstick: 'the same reads alone',
  yardstickValue: alone.p99Ms,
  aim: { of: 'value', atMost: 15 },
});
printFigure({
  name: 'the same: longest read',
  unit: 'ms',
  value: read.maxMs,
  yardstick: 'the same reads alone',
  yardstickValue: alone.maxMs,
  aim: null,
});
printFigure({
  name: 'the same: p99 from sending an event to its being served',
  unit: 'ms',
  value: written.p99Ms,
  yardstick: 'its median',
  yardstickValue: written.p50Ms,
  aim: { of: 'value', atMost: 100 },
});
printFigure({
  name: 'the same: calls that failed or were turned away',
  unit: 'calls',
  value: read.errors + read.turnedAway + written.errors + written.turnedAway,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 0 },
});
