import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shopTraffic } from '../examples/personalisation/generator.ts';
import { pastSession } from '../examples/personalisation/past.ts';
import { serverMemory } from '../examples/personalisation/server-budgets.ts';
import { startServerProcess } from '../examples/personalisation/server-process.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { machine } from './quiet.ts';
import { wrk } from './wrk.ts';

/**
 * The personalisation service of many users, over the store that `npm run example examples/personalisation -- --users N` leaves:
 * `npm run example bench/many-users.ts -- --users N`. Requests of users that are drawn evenly, by Zipf's law and from a thousand, in turns.
 * A request counts by the processor time of `headrace serve`. Each round has bodies of its own, so few users come twice.
 */
const { values } = parseArgs({ options: { users: { type: 'string', default: '10000000' } } });
const users = Number(values.users);
const HOT_USERS = 1_000;
const ROUNDS = 5;
const SECONDS = 4;
const BODIES = 50_000;
/** As many as are answered within the budget of the service. */
const CONNECTIONS = 16;

const config = fileURLToPath(new URL('../examples/personalisation/headrace.config.ts', import.meta.url));
const random = seededRandom(19);
const traffic = shopTraffic({
  users,
  items: Math.ceil(users / 4),
  until: Date.now(),
  events: 0,
  eventsPerSecond: 0,
  random,
  sessionBefore: pastSession,
});
const of = (user: number) => ({ ...traffic.request(), user: `u${user}`, session: pastSession(user) });
const draws = {
  hot: () => of(Math.floor(random() * HOT_USERS)),
  uniform: () => of(Math.floor(random() * users)),
  skewed: () => traffic.request(),
};

const micros: Record<keyof typeof draws, number[]> = { hot: [], uniform: [], skewed: [] };
const rates: Record<keyof typeof draws, number[]> = { hot: [], uniform: [], skewed: [] };
const distinct = new Set<string>();
let failed = 0;
const server = await startServerProcess(config);
try {
  // Opened large stores are read through once; what reads cost meanwhile is printed, and no figure.
  const opening = await measured('uniform');
  await untilWhole(server.url);
  console.log(`while the store is read through: ${opening.micros.toFixed(0)} µs a request`);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const kind of ['hot', 'uniform', 'skewed'] as const) {
      const one = await measured(kind);
      failed += one.errors;
      // The first round compiles.
      if (round === 0) continue;
      micros[kind].push(one.micros);
      rates[kind].push(one.rate);
    }
  print(await serverMemory(server.url));
} finally {
  await server.stop();
}

/** Requests of one kind, for some seconds. */
async function measured(kind: keyof typeof draws) {
  const requests = Array.from({ length: BODIES }, draws[kind]);
  if (kind === 'skewed') for (const { user } of requests) distinct.add(user);
  const bodies = requests.map((request) => JSON.stringify({ request }));
  const before = cpuSeconds();
  const url = `${server.url}/v1/features/recommendation`;
  const { requestsPerSecond: rate, errors } = await wrk(url, SECONDS, bodies, '*/*', CONNECTIONS);
  return { rate, errors, micros: (cpuSeconds() - before) * (1e6 / (rate * SECONDS)) };
}

async function untilWhole(url: string): Promise<void> {
  for (;;) {
    const status: unknown = await (await fetch(`${url}/v1/status`)).json();
    if (JSON.stringify(status).includes('"isWhole":true')) return;
    await sleep(5_000);
  }
}

/** Processor time of the server, the one process that this one started. */
function cpuSeconds(): number {
  const { pid } = process;
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  const fields = readFileSync(`/proc/${child}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  // Times of 10 ms: of the process itself, as a user and in the system.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function print(memory: Awaited<ReturnType<typeof serverMemory>>): void {
  const name = users.toLocaleString('en');
  const kinds = [
    ['uniform', 'even chance', 0.5],
    ['skewed', "Zipf's law", 0.8],
  ] as const;
  for (const [kind, drawn, atLeast] of kinds)
    printFigure({
      name: `personalisation service over HTTP, ${name} users drawn by ${drawn}, requests in a second of the server's processor time`,
      unit: 'requests/s',
      value: 1e6 / median(micros[kind]),
      yardstick: `the same of ${HOT_USERS.toLocaleString('en')} users`,
      yardstickValue: 1e6 / median(micros.hot),
      aim: { of: 'ratio', atLeast },
    });
  for (const [kind, drawn] of [...kinds, ['hot', 'even chance from a thousand']] as const)
    printFigure({
      name: `the same, drawn by ${drawn}: requests a second, wrk on the same cores`,
      unit: 'requests/s',
      value: median(rates[kind]),
      yardstick: null,
      yardstickValue: null,
      aim: null,
    });
  console.log(
    `${failed} calls failed; ${distinct.size} distinct users by Zipf's law; memory ${JSON.stringify(memory)}`,
  );
  console.log(`Measured on ${machine()}.`);
}
