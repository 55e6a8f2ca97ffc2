import { openLoop } from '../examples/personalisation/open-loop.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { runningShop, serveShop } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * The personalisation service with profiles of every served vector against the same without them: 24 features over three tiers, keys by
 * Zipf's law, one process each and the load generator on the same machine. Both take turns: wrk's closed loop for the rate, an open
 * loop at half of the lower rate for latency.
 */
const KEYS = Number(process.env['HEADRACE_BENCH_KEYS'] ?? 10_000);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 7);
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 3);

const random = seededRandom(3);
const rank = zipf(KEYS, () => random());
const shops = await Promise.all([true, false].map((on) => runningShop(shop, KEYS, { profiles: { on } })));
const servers = await Promise.all(shops.map(({ headrace }) => serveShop(headrace, shopper)));
const bodies = Array.from({ length: 5_000 }, (_, i) =>
  JSON.stringify({ request: { user: `u${rank()}`, at: shops[0].now, basket: i % 100 } }),
);
const rates: [number[], number[]] = [[], []];
const costs: [number[], number[]] = [[], []];
const p99s: [number[], number[]] = [[], []];
let errors = 0;
for (let round = 0; round <= ROUNDS; round += 1)
  for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
    const before = process.cpuUsage();
    const seen = await wrk(servers[side].url, SECONDS, bodies);
    const { user, system } = process.cpuUsage(before);
    await shops[side].headrace.tick();
    errors += seen.errors;
    if (round === 0) continue;
    rates[side].push(seen.requestsPerSecond);
    costs[side].push((user + system) / (SECONDS * seen.requestsPerSecond));
  }
const perSecond = 0.5 * Math.min(...rates.map(median));
for (let round = 0; round < ROUNDS; round += 1)
  for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
    const seen = await openLoop(servers[side].url, {
      bodies: bodies.slice(0, 1_000),
      connections: 128,
      perSecond,
      seconds: SECONDS,
      warmUpSeconds: 1,
    });
    await shops[side].headrace.tick();
    errors += seen.errors + seen.turnedAway;
    p99s[side].push(seen.p99Ms);
  }
const { served, unprofiled } = shops[0].headrace.status().profiles;
for (const [side, { headrace }] of shops.entries()) {
  await servers[side].server.close();
  await headrace.close();
}
if (errors > 0) throw new Error(`${errors} answers were none`);
if (served === 0 || unprofiled > 0) throw new Error(`${unprofiled} of ${served} vectors are in no profile`);

printFigure({
  name: 'personalisation service over HTTP, peak, profiles of every vector on',
  unit: 'requests/s',
  value: median(rates[0]),
  yardstick: 'the same, off',
  yardstickValue: median(rates[1]),
  aim: { of: 'ratio', atLeast: 0.95 },
});
printFigure({
  name: 'the same, processor time of the process for a request',
  unit: 'µs',
  value: median(costs[0]),
  yardstick: 'the same, off',
  yardstickValue: median(costs[1]),
  aim: null,
});
printFigure({
  name: `the same, p99 at an open-loop ${perSecond.toFixed(0)} requests/s, half of the peak`,
  unit: 'ms',
  value: median(p99s[0]),
  yardstick: 'the same, off',
  yardstickValue: median(p99s[1]),
  aim: { of: 'ratio', atMost: 1.1 },
});
