import { fileURLToPath } from 'node:url';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { startServerProcess } from '../examples/personalisation/server-process.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * The personalisation service as the command line serves it, by one process and by two that read next to one that writes, wrk on
 * the same cores: what is gained where the generator takes a core, and what a reader costs. The two take turns. Then those two at 80 %
 * of their peak, in an open loop.
 */
const KEYS = 10_000;
const SECONDS = 4;

const directory = scratchDirectory();
process.env['BENCH_DIRECTORY'] = directory;
const { headrace, now } = await runningShop(shop, KEYS, { directory, start: Date.now() });
await headrace.close();
const rank = zipf(KEYS, seededRandom(3));
const bodies = Array.from({ length: 5_000 }, (_, i) =>
  JSON.stringify({ request: { user: `u${rank()}`, at: now, basket: i % 100 } }),
);
const config = fileURLToPath(new URL('headrace.config.ts', import.meta.url));
const rates = { one: [] as number[], two: [] as number[] };
let errors = 0;
for (let round = 0; round < 2; round += 1) {
  await measure(rates.one, []);
  await measure(rates.two, ['--workers', '2']);
}

printFigure({
  name: 'personalisation service over HTTP, peak, serve --workers 2, load generator on the same cores',
  unit: 'requests/s',
  value: median(rates.two),
  yardstick: 'headrace serve, one process',
  yardstickValue: median(rates.one),
  aim: { of: 'value', atLeast: 50_000 },
});
const perSecond = 0.8 * median(rates.two);
const paced = await measurePaced();
errors += paced.errors + paced.turnedAway;
printFigure({
  name: `the same, p99 at an open-loop ${Math.round(perSecond)} requests/s, 80 % of the peak`,
  unit: 'ms',
  value: paced.p99Ms,
  yardstick: 'its median',
  yardstickValue: paced.p50Ms,
  aim: { of: 'value', atMost: 10 },
});
printFigure({
  name: 'the same: calls that failed or were turned away',
  unit: 'calls',
  value: errors,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 0 },
});

async function measurePaced() {
  const server = await startServerProcess(config, ['--workers', '2']);
  const url = `${server.url}/v1/features/${shopper.name}`;
  const seen = await openLoop(url, { bodies, connections: 256, perSecond, seconds: 12, warmUpSeconds: 4 });
  await server.stop();
  return seen;
}

async function measure(into: number[], options: readonly string[]): Promise<void> {
  const server = await startServerProcess(config, options);
  const url = `${server.url}/v1/features/${shopper.name}`;
  await wrk(url, SECONDS, bodies);
  for (let round = 0; round < 2; round += 1) {
    const seen = await wrk(url, SECONDS, bodies);
    errors += seen.errors;
    into.push(seen.requestsPerSecond);
  }
  await server.stop();
}
