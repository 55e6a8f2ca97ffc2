import { openHeadrace } from 'headrace';
import { insideOf } from '../src/running/inside.ts';
import { featureAnswer } from '../src/server/feature-answer.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { purchases, scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop, USERS } from './shop-server.ts';

/**
 * A vector of 24 features over three tiers, in process, on one core: request object in, values out. Before each round every
 * user buys something, which is not timed, so that each vector is the first after an event of its key: what was merged of
 * closed tiles is used again, the rest is computed again. Then the same vectors again, of which nothing is computed
 * but the request's own features; and 100 entities in one request, as the HTTP route answers them; and the first vector of each
 * user since the project was opened, whose tiles come from its directory. Yardstick: parsing and writing the same answer as
 * JSON, which any server has to do.
 */
const ROUNDS = 100;
const WARM_UP = 20;
const ENTITIES = 100;

const directory = scratchDirectory();
const { headrace, now } = await runningShop(shop, USERS, { directory });
const source = headrace.source(purchases.name);
let id = 0;

const many = await ratesOf((u) => `u${u}`);
const one = await ratesOf((u) => `once${u}`);
const together = await ratesOf((u) => `u${u}`, readTogether);
const text = await headrace.vectorText(shopper, { user: 'u0', at: now, basket: 0 });
const json = median(
  Array.from({ length: 20 }, () =>
    timed(() => {
      for (let i = 0; i < USERS; i += 1) JSON.stringify(JSON.parse(text));
    }),
  ),
);
await headrace.close();
const cold = await coldRate();

const what = `vector of ${shopper.features.length} features over three tiers, in process`;
const yardstick = { yardstick: 'JSON.parse and JSON.stringify of the answer', yardstickValue: USERS / json };
printFigure({
  name: `${what}, ${many.tiles} tiles, first after an event of the key`,
  unit: 'vectors/s',
  value: many.first,
  ...yardstick,
  aim: { of: 'value', atLeast: 150_000 },
});
printFigure({
  name: `${what}, ${many.tiles} tiles, again without an event`,
  unit: 'vectors/s',
  value: many.again,
  ...yardstick,
  aim: null,
});
printFigure({
  name: `${what}, ${one.tiles} tiles (one a hop and view), first after an event of the key`,
  unit: 'vectors/s',
  value: one.first,
  ...yardstick,
  aim: null,
});
printFigure({
  name: `${what}, ${one.tiles} tiles, again without an event`,
  unit: 'vectors/s',
  value: one.again,
  ...yardstick,
  aim: { of: 'value', atLeast: 500_000 },
});

printFigure({
  name: `${what}, ${many.tiles} tiles, first of its key since the project was opened, from its directory`,
  unit: 'vectors/s',
  value: cold,
  ...yardstick,
  aim: null,
});
printFigure({
  name: `${ENTITIES} entities in one request, in process, JSON text in and out, ${together.tiles} tiles a vector, first after an event of each`,
  unit: 'vectors/s',
  value: together.first,
  ...yardstick,
  aim: null,
});
printFigure({
  name: `${ENTITIES} entities in one request, in process, JSON text in and out, ${together.tiles} tiles a vector, again without an event`,
  unit: 'vectors/s',
  value: together.again,
  ...yardstick,
  aim: { of: 'value', atLeast: 150_000 },
});

interface Request {
  readonly user: string;
  readonly at: number;
  readonly basket: number;
}

/** Vectors a second of users that nothing was read of, the median of openings. */
async function coldRate(): Promise<number> {
  const rates: number[] = [];
  for (let opening = 0; opening < 5; opening += 1) {
    const opened = await openHeadrace({ project: shop, environment: { directory, sampleRate: 0 }, clock: () => now });
    const seconds = timed(() => {
      for (let u = 0; u < USERS; u += 1)
        insideOf(opened).features.read(shopper, { user: `u${u}`, at: now, basket: u }, now);
    });
    await opened.close();
    rates.push(USERS / seconds);
  }
  return median(rates);
}

function readEach(requests: readonly Request[]): () => void {
  return () => {
    for (const request of requests) insideOf(headrace).features.read(shopper, request, now);
  };
}

/** As the HTTP route does, without the network. */
function readTogether(requests: readonly Request[]): () => void {
  const bodies = Array.from({ length: USERS / ENTITIES }, (_, i) =>
    JSON.stringify({ requests: requests.slice(i * ENTITIES, (i + 1) * ENTITIES), at: now }),
  );
  return () => {
    for (const body of bodies) featureAnswer(headrace, shopper, body, null);
  };
}

/** Vectors a second, the median round. */
async function ratesOf(userOf: (u: number) => string, reading = readEach) {
  const requests = Array.from({ length: USERS }, (_, u): Request => ({ user: userOf(u), at: now, basket: u }));
  const read = reading(requests);
  const [first, again]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
    await headrace.ingest(
      source,
      requests.map(({ user, basket }) => {
        id += 1;
        return { id: `b${id}`, at: now - 1, user, price: basket, items: round % 9 };
      }),
    );
    const times = [timed(read), timed(read)];
    if (round < WARM_UP) continue;
    first.push(times[0]);
    again.push(times[1]);
  }
  return {
    first: USERS / median(first),
    again: USERS / median(again),
    tiles: insideOf(headrace).features.tilesMerged(shopper),
  };
}

/** Seconds. */
function timed(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1_000;
}
