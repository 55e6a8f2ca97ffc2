import { once } from 'node:events';
import { createServer } from 'node:http';
import type { EnvironmentOptions } from 'headrace';
import { createClient } from 'redis';
import { redis } from '../scripts/services/redis.ts';
import { openRedisStore } from '../src/backends/redis/online-store.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { tileLayout } from '../src/features/tile/tile-layout.ts';
import { HotTiles, hotTilesDefaults } from '../src/featurestore/hotkeys/hot-tiles.ts';
import { storeTiles } from '../src/featurestore/online/store-tiles.ts';
import { VectorReader } from '../src/featurestore/online/vector-reader.ts';
import { vectorText } from '../src/featurestore/online/vector-text.ts';
import { insideOf } from '../src/running/inside.ts';
import { Reader } from '../src/running/reader.ts';
import { startReadServer } from '../src/server/http-server.ts';
import { printFigure } from './figure.ts';
import { measureRates, median } from './measure.ts';
import { withServices } from './services.ts';
import { scratchDirectory, shop, shopper } from './shop.ts';
import { runningShop } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * Vectors of 24 features over three tiers of one entity out of a Redis, with nothing kept in memory, against the least that one would
 * write by hand: GET of a JSON text with the 24 numbers, parsed and written again. In process, 64 requests at a time; then over HTTP,
 * where the other is node:http.
 */
const KEYS = 1_000;
const AT_ONCE = 64;
const READS = 10_000;
const SECONDS = 4;
const ROUNDS = 4;

await withServices([redis], ({ REDIS_URL = '' }) => main(REDIS_URL));

async function main(url: string): Promise<void> {
  // What an earlier run left is not read again.
  const namespace = `bench${Date.now()}`;
  const environment = {
    directory: scratchDirectory(),
    namespace,
    sampleRate: 0,
    online: { kind: 'redis' as const, url, timeout: '5s' },
  };
  const { headrace, now } = await runningShop(shop, KEYS, environment);
  const answer = JSON.parse(await headrace.vectorText(shopper, requestOf(1, now)));
  await headrace.vector(shopper, requestOf(1, now));
  const tiles = insideOf(headrace).features.tilesMerged(shopper);
  await headrace.close();
  const client = await createClient({ url, commandOptions: { timeout: 0 } }).connect();
  for (let key = 0; key < KEYS; key += 1)
    await client.set(`${namespace}:json:u${key}`, JSON.stringify(answer.features));
  const bare = async (key: number) =>
    JSON.stringify({ at: now, features: JSON.parse((await client.get(`${namespace}:json:u${key}`)) ?? '') });

  const store = await openRedisStore(
    { urls: [url], cluster: false, prefix: namespace, tls: null, timeoutMs: 5_000 },
    'read',
  );
  if (store.remote === undefined) throw new Error('not remote');
  // No key is ever hot.
  const hot = new HotTiles(store.remote, Date.now, { ...hotTilesDefaults, readsPerSecond: Number.POSITIVE_INFINITY });
  const layouts = new Map(
    shopper.lookups.map(({ view }) => [view, view.kind === 'streamView' ? tileLayout(view) : null]),
  );
  const reader = new VectorReader({
    service: shopper,
    layoutOf: (view) => layouts.get(view) ?? tileLayout(view),
    tiles: storeTiles(hot),
    readBatch: (reads) => store.readBatch(reads),
    computeOf: ({ compute }) => compute,
    clock: () => now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  const toText = vectorText(shopper);
  const ours = async (key: number) => toText(await reader.read([`u${key}`, now, key], undefined, false));
  const { features, degraded, complete } = JSON.parse(await ours(1));
  if (degraded || !complete || JSON.stringify(features) !== JSON.stringify(answer.features))
    throw new Error(`${JSON.stringify(features)} is not ${JSON.stringify(answer.features)}`);
  const rates = await measureRates({
    ours: { operations: READS, run: () => atOnce(ours) },
    bare: { operations: READS, run: () => atOnce(bare) },
  });
  const what = `vector of ${shopper.features.length} features over three tiers out of Redis, ${tiles} tiles, nothing kept in memory`;
  printFigure({
    name: what,
    unit: 'vectors/s',
    value: rates.ours,
    yardstick: 'bare node-redis GET and JSON',
    yardstickValue: rates.bare,
    aim: { of: 'ratio', atLeast: 0.8 },
  });
  await store.close();
  await overHttp(what, environment, now, bare);
  client.destroy();
}

/** The same over HTTP, wrk on the same cores. No key has this many reads a second that it is kept in memory. */
async function overHttp(
  what: string,
  environment: EnvironmentOptions,
  now: number,
  bare: (key: number) => Promise<string>,
): Promise<void> {
  const resolved = resolveEnvironment('local', environment, shop.name);
  const reader = await Reader.open(shop, resolved, () => now, console.error);
  const server = await startReadServer(reader, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  const byHand = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', async () => {
      const { request: asked } = JSON.parse(body) as { request: { user: string } };
      response.setHeader('content-type', 'application/json').end(await bare(Number(asked.user.slice(1))));
    });
  });
  await once(byHand.listen(0, '127.0.0.1'), 'listening');
  const address = byHand.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const bodies = Array.from({ length: KEYS }, (_, key) => JSON.stringify({ request: requestOf(key, now) }));
  const rates = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const ours = await wrk(`${server.url}/v1/features/${shopper.name}`, SECONDS, bodies);
    const other = await wrk(`http://127.0.0.1:${port}/`, SECONDS, bodies);
    if (ours.errors + other.errors > 0) throw new Error(`${ours.errors} and ${other.errors} answers were none`);
    if (round === 0) continue;
    rates.ours.push(ours.requestsPerSecond);
    rates.bare.push(other.requestsPerSecond);
  }
  byHand.close();
  await server.close();
  await reader.close();
  printFigure({
    name: `${what}, over HTTP, wrk and Redis on the same cores`,
    unit: 'requests/s',
    value: median(rates.ours),
    yardstick: 'node:http, bare node-redis GET and JSON',
    yardstickValue: median(rates.bare),
    aim: { of: 'ratio', atLeast: 0.8 },
  });
}

function requestOf(key: number, at: number) {
  return { user: `u${key}`, at, basket: key };
}

/** Runs READS reads, this many at once. */
async function atOnce(read: (key: number) => Promise<string>): Promise<void> {
  let next = 0;
  let bytes = 0;
  const work = async () => {
    while (next < READS) {
      next += 1;
      const { length } = await read(next % KEYS);
      bytes += length;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (bytes < 100 * READS) throw new Error('nothing was read');
}
