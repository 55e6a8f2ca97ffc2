import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { openLargeShop, serveShop } from './shop-server.ts';
import { type RandomBodies, wrk } from './wrk.ts';

const ROUNDS = 4;
const SECONDS = 3;
/** Bodies of users drawn by Zipf's law, which wrk sends in turn. */
const SKEWED_BODIES = 50_000;

/** Requests in a second of the server's processor time: users drawn evenly and by Zipf's law, next to few users, in turns. */
export async function printHttp(directory: string, users: number, hotUsers: number): Promise<void> {
  const { headrace, now } = await openLargeShop(shop, directory, users);
  const { server, url } = await serveShop(headrace, shopper);
  const [before, after] = ['{"request":{"user":"u', `","at":${now},"basket":7}}`];
  const draw = zipf(users, seededRandom(17));
  const of = {
    hot: { before, of: hotUsers, after },
    uniform: { before, of: users, after },
    skewed: Array.from({ length: SKEWED_BODIES }, () => `${before}${draw()}${after}`),
  };
  const rates = { hot: [] as number[], uniform: [] as number[], skewed: [] as number[] };
  let failed = 0;
  try {
    for (let round = 0; round < ROUNDS; round += 1)
      for (const kind of ['hot', 'uniform', 'skewed'] as const) {
        const { rate, errors } = await rateOf(url, of[kind]);
        failed += errors;
        if (round > 0) rates[kind].push(rate);
      }
  } finally {
    await server.close();
    await headrace.close();
  }
  const kinds = [
    ['uniform', 'even chance', 0.5],
    ['skewed', "Zipf's law", 0.8],
  ] as const;
  for (const [kind, drawn, atLeast] of kinds)
    printFigure({
      name: `requests over HTTP in a second of the server's processor time, ${users.toLocaleString('en')} users drawn by ${drawn}`,
      unit: 'requests/s',
      value: median(rates[kind]),
      yardstick: `the same of ${hotUsers.toLocaleString('en')} users`,
      yardstickValue: median(rates.hot),
      aim: { of: 'ratio', atLeast },
    });
  printFigure({
    name: 'the same: calls that failed',
    unit: 'calls',
    value: failed,
    yardstick: null,
    yardstickValue: null,
    aim: { of: 'value', atMost: 0 },
  });
}

async function rateOf(url: string, bodies: readonly string[] | RandomBodies) {
  const before = process.cpuUsage();
  const { requestsPerSecond, errors } = await wrk(url, SECONDS, bodies);
  const { user, system } = process.cpuUsage(before);
  return { rate: (requestsPerSecond * SECONDS) / ((user + system) / 1e6), errors };
}
