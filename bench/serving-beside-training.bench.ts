import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { startServerProcess } from '../examples/personalisation/server-process.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { trainingRuns } from '../src/compose/training-backends.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { frameOf, jobCommand, writeEmbeddedJob } from '../test/training/embedded-program.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop } from './shop-server.ts';

/**
 * p99 of the personalisation service in an open loop while embedded trainers use every core, as the configuration limits them by
 * default (nice 10). Yardstick: the same service without them. Both take turns; the generator shares the cores.
 */
const KEYS = 10_000;
const ROUNDS = 5;
const PER_SECOND = Number(process.env['HEADRACE_BENCH_RATE'] ?? 1_000);

const directory = scratchDirectory();
process.env['BENCH_DIRECTORY'] = directory;
const { headrace, now } = await runningShop(shop, KEYS, { directory, start: Date.now() });
await headrace.close();
const rank = zipf(KEYS, seededRandom(3));
const bodies = Array.from({ length: 5_000 }, (_, i) =>
  JSON.stringify({ request: { user: `u${rank()}`, at: now, basket: i % 100 } }),
);
const config = fileURLToPath(new URL('headrace.config.ts', import.meta.url));
const folder = scratchDirectory();
mkdirSync(folder, { recursive: true });
const command = jobCommand(
  await writeEmbeddedJob(folder, frameOf(1, 100_000), { kind: 'boostedTrees', trees: 10_000, seed: 1 }),
);
const open = trainingRuns(resolveEnvironment('bench', {}, 'bench'), '');

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
    const stop = await trainOnAllCores(`${args.length}-${round}`);
    p99.beside.push(await measure());
    await stop();
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

/** Starts a trainer for each core, and waits until all of them train. */
async function trainOnAllCores(name: string): Promise<() => Promise<void>> {
  const runs = Array.from({ length: availableParallelism() }, async (_, core) => {
    const own = join(folder, `${name}-${core}`);
    mkdirSync(own, { recursive: true });
    const trains = Promise.withResolvers<void>();
    const run = open(own, { onLine: (line) => line.startsWith('read ') && trains.resolve() });
    await run.backend.submit({ id: 'trainer', command, directory: own, ranks: [{}] });
    await trains.promise;
    return run;
  });
  const started = await Promise.all(runs);
  return async () => {
    for (const run of started) await run.close();
  };
}
