import { fileURLToPath } from 'node:url';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { startServerProcess } from '../examples/personalisation/server-process.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop } from './shop-server.ts';
import { shopperBodies, trainers } from './trainers.ts';

/**
 * p99 of the personalisation service in an open loop while embedded trainers use every core, as `training.cpu: 'idle'` limits
 * them. Yardstick: the same service without them. Both take turns; the generator shares the cores.
 */
const KEYS = 10_000;
const ROUNDS = 5;
const PER_SECOND = Number(process.env['HEADRACE_BENCH_RATE'] ?? 1_000);

const directory = scratchDirectory();
process.env['BENCH_DIRECTORY'] = directory;
const { headrace, now } = await runningShop(shop, KEYS, { directory, start: Date.now() });
await headrace.close();
const bodies = shopperBodies(KEYS, 5_000, now);
const config = fileURLToPath(new URL('headrace.config.ts', import.meta.url));
const train = await trainers(100_000);

for (const [name, args] of [
  ['headrace serve', []],
  ['headrace serve --workers 2', ['--workers', '2']],
] as const) {
  const server = await startServerProcess(config, [...args]);
  const p99 = { alone: [] as number[], beside: [] as number[] };
  const url = `${server.url}/v1/features/${shopper.name}`;
  const measure = async () =>
    (await openLoop(url, { bodies, connections: 32, perSecond: PER_SECOND, seconds: 4, warmUpSeconds: 1 })).p99Ms;
  for (let round = 0; round < ROUNDS; round += 1) {
    p99.alone.push(await measure());
    const training = await train({ cpu: 'idle' });
    p99.beside.push(await measure());
    await training.stop();
  }
  await server.stop();
  printFigure({
    name: `${name}: p99 at ${PER_SECOND} requests/s beside trainers on every core`,
    unit: 'ms',
    value: median(p99.beside),
    yardstick: 'without them',
    yardstickValue: median(p99.alone),
    aim: { of: 'ratio', atMost: 1.2 },
  });
}
