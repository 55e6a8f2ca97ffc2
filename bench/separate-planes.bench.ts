import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { freePorts } from '../scripts/services/service.ts';
import { limited, type ProcessLimits } from '../src/backends/local/process-limits.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop } from './shop-server.ts';
import { schedulingOf, shopperBodies, trainers } from './trainers.ts';

/** The registry has the priority of the one next to a server: both are of one session, where nice always counts. */
const BEHIND_SERVING = ['nice', '-n', '10'] as const;

/**
 * p99 of the personalisation service in an open loop while a trainer runs on every core and four clients of MLflow log batches at full
 * rate. Yardstick: the same process alone, in turn. Then what separates them is taken away, one at a time: the idle policy of the
 * trainers, their priority, the priority of the registry, its process, and the thread of the connections. The clients are part of
 * trainings, and have the limits of the trainers. The generators share the cores. `HEADRACE_BENCH_ONLY` names one of the cases.
 */
const KEYS = Number(process.env['HEADRACE_BENCH_KEYS'] ?? 5_000);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 3);
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 3);
const PER_SECOND = Number(process.env['HEADRACE_BENCH_RATE'] ?? 500);
const ONLY = process.env['HEADRACE_BENCH_ONLY'];

interface Planes {
  /** What separates the planes in the cases before, and not in this one. */
  readonly kind: 'priority' | 'process' | 'thread' | null;
  readonly limits: Required<Pick<ProcessLimits, 'nice' | 'cpu'>>;
  readonly registry: 'behind' | 'equal' | 'inside';
  readonly ownThread: boolean;
}

const all = { kind: null, limits: { nice: 10, cpu: 'idle' }, registry: 'behind', ownThread: true } as const;
const cases: Readonly<Record<string, Planes>> = {
  'all apart': all,
  'trainers by nice 10 alone': { ...all, kind: 'priority', limits: { nice: 10, cpu: 'normal' } },
  'trainers of equal priority': { ...all, kind: 'priority', limits: { nice: 0, cpu: 'normal' } },
  'a registry of equal priority': { ...all, kind: 'priority', registry: 'equal' },
  'the registry in the process that serves': { ...all, kind: 'process', registry: 'inside' },
  'connections on the thread that answers': { ...all, kind: 'thread', ownThread: false },
};

const directory = scratchDirectory();
const { headrace, now } = await runningShop(shop, KEYS, { directory, start: Date.now() });
await headrace.close();
const bodies = shopperBodies(KEYS, 2_000, now);
const train = await trainers(Number(process.env['HEADRACE_BENCH_ROWS'] ?? 100_000));
const ratios = new Map<string, number>();

for (const [name, planes] of Object.entries(cases)) {
  if (ONLY !== undefined && ONLY !== name) continue;
  const { alone, beside } = await measured(name, planes);
  ratios.set(name, median(beside) / median(alone));
  printFigure({
    name: `p99 at ${PER_SECOND} requests/s beside training on every core and MLflow clients: ${name}`,
    unit: 'ms',
    value: median(beside),
    yardstick: 'the same process without them',
    yardstickValue: median(alone),
    aim: planes === all ? { of: 'ratio', atMost: 1.2 } : null,
  });
}
for (const [name, ratio] of ratios)
  console.error(`${(cases[name].kind ?? '').padEnd(9)} ${name.padEnd(42)} ${ratio.toFixed(2)} × alone`);

/** p99 of each round, ms. */
async function measured(name: string, { limits, registry: place, ownThread }: Planes) {
  const p99 = { alone: [] as number[], beside: [] as number[] };
  const [port] = await freePorts(1);
  const server = program('planes-server.ts', [
    directory,
    ownThread ? 'front' : 'alone',
    place === 'inside' ? String(port) : '0',
  ]);
  const url = `${await lineOf(server)}/v1/features/${shopper.name}`;
  const words = place === 'behind' ? BEHIND_SERVING : [];
  const registry = place === 'inside' ? null : program('registry-server.ts', [scratchDirectory(), String(port)], words);
  const measure = async () =>
    (await openLoop(url, { bodies, connections: 32, perSecond: PER_SECOND, seconds: SECONDS, warmUpSeconds: 1 })).p99Ms;
  // The first requests compile.
  await measure();
  for (let round = 0; round < ROUNDS; round += 1) {
    p99.alone.push(await measure());
    const training = await train(limits);
    const clients = program('planes-clients.ts', [String(port)], limited(['env'], limits));
    await lineOf(clients);
    p99.beside.push(await measure());
    if (round === 0) describe({ server, registry, clients }, training.pids);
    await ended(clients, 'SIGKILL');
    await training.stop();
  }
  await ended(server, 'SIGTERM');
  if (registry !== null) await ended(registry, 'SIGKILL');
  const load = loadavg().map((value) => value.toFixed(0));
  console.error(`${name}: load ${load.join(' ')}, alone ${p99.alone.join(' ')}, beside ${p99.beside.join(' ')}`);
  return p99;
}

/** Who runs, and by which policy. */
function describe(children: Readonly<Record<string, ChildProcess | null>>, trainers: readonly number[]): void {
  for (const [name, child] of Object.entries(children))
    if (child?.pid !== undefined) console.error(`  ${name.padEnd(9)} ${schedulingOf(child.pid)}`);
  for (const pid of trainers) console.error(`  trainer   ${schedulingOf(pid)}`);
}

function program(file: string, args: readonly string[], words: readonly string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const [command = process.execPath, ...rest] = [...words, process.execPath, '--conditions=headrace-source', path];
  return spawn(command, [...rest, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
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
