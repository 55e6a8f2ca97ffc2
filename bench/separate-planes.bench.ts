import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { zipf } from '../examples/personalisation/zipf.ts';
import { freePorts } from '../scripts/services/service.ts';
import { seededRandom } from '../src/base/rng.ts';
import { trainingRuns } from '../src/compose/training-backends.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { frameOf, jobCommand, writeEmbeddedJob } from '../test/training/embedded-program.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop } from './shop-server.ts';

/**
 * p99 of the personalisation service in an open loop while a trainer runs on every core and four clients of MLflow log batches at full
 * rate. Yardstick: the same process alone, in turn. Then what separates them is taken away, one at a time: the priority of the trainers,
 * the process of the registry, and the thread of the connections. The generators share the cores.
 */
const KEYS = Number(process.env['HEADRACE_BENCH_KEYS'] ?? 5_000);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 3);
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 3);
const PER_SECOND = Number(process.env['HEADRACE_BENCH_RATE'] ?? 500);

interface Planes {
  readonly name: string;
  /** Of the trainers. */
  readonly nice: number;
  readonly ownProcess: boolean;
  readonly ownThread: boolean;
}

const all = { nice: 10, ownProcess: true, ownThread: true } as const;
const variants: readonly Planes[] = [
  { name: 'all apart', ...all },
  { name: 'trainers of the same priority', ...all, nice: 0 },
  { name: 'the registry in the process that serves', ...all, ownProcess: false },
  { name: 'connections on the thread that answers', ...all, ownThread: false },
];

const directory = scratchDirectory();
const { headrace, now } = await runningShop(shop, KEYS, { directory, start: Date.now() });
await headrace.close();
const rank = zipf(KEYS, seededRandom(3));
const bodies = Array.from({ length: 2_000 }, (_, i) =>
  JSON.stringify({ request: { user: `u${rank()}`, at: now, basket: i % 100 } }),
);
const folder = scratchDirectory();
mkdirSync(folder, { recursive: true });
const command = jobCommand(
  await writeEmbeddedJob(folder, frameOf(1, Number(process.env['HEADRACE_BENCH_ROWS'] ?? 100_000)), {
    kind: 'boostedTrees',
    trees: 10_000,
    seed: 1,
  }),
);

for (const [i, planes] of variants.entries()) {
  const p99 = { alone: [] as number[], beside: [] as number[] };
  const [port] = await freePorts(1);
  const inside = planes.ownProcess ? '0' : String(port);
  const server = program('planes-server.ts', [directory, planes.ownThread ? 'front' : 'alone', inside]);
  const url = `${await lineOf(server)}/v1/features/${shopper.name}`;
  const registry = planes.ownProcess
    ? program('registry-server.ts', [join(folder, `registry-${i}`), String(port)])
    : null;
  const measure = async () =>
    (await openLoop(url, { bodies, connections: 32, perSecond: PER_SECOND, seconds: SECONDS, warmUpSeconds: 1 })).p99Ms;
  // The first requests compile.
  await measure();
  for (let round = 0; round < ROUNDS; round += 1) {
    p99.alone.push(await measure());
    const stop = await trainOnAllCores(`${i}-${round}`, planes.nice);
    const clients = program('planes-clients.ts', [String(port)]);
    await lineOf(clients);
    p99.beside.push(await measure());
    await ended(clients, 'SIGKILL');
    await stop();
  }
  await ended(server, 'SIGTERM');
  if (registry !== null) await ended(registry, 'SIGKILL');
  const load = loadavg().map((value) => value.toFixed(0));
  console.error(`${planes.name}: load ${load.join(' ')}, alone ${p99.alone.join(' ')}, beside ${p99.beside.join(' ')}`);
  printFigure({
    name: `p99 at ${PER_SECOND} requests/s beside training on every core and MLflow clients: ${planes.name}`,
    unit: 'ms',
    value: median(p99.beside),
    yardstick: 'the same process without them',
    yardstickValue: median(p99.alone),
    aim: i === 0 ? { of: 'ratio', atMost: 1.2 } : null,
  });
}

function program(file: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return spawn(process.execPath, ['--conditions=headrace-source', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The first line that a program prints. */
async function lineOf(child: ChildProcess): Promise<string> {
  const [line]: unknown[] = await once(child.stdout ?? child, 'data');
  return String(line).trim();
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const end = once(child, 'exit');
  child.kill(signal);
  await end;
}

/** Starts a trainer for each core, and waits until all of them train. */
async function trainOnAllCores(name: string, nice: number): Promise<() => Promise<void>> {
  const open = trainingRuns(resolveEnvironment('bench', { training: { nice } }, 'bench'), '');
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
