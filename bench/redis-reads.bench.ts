import { createClient } from 'redis';
import { redis } from '../scripts/services/redis.ts';
import { openRedisStore } from '../src/backends/redis/online-store.ts';
import {
  count,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  max,
  mean,
  min,
  streamView,
  sum,
  text,
  time,
} from '../src/features/define/declare.ts';
import { COUNT, MAX_TS, tileLayout } from '../src/features/tile/tile-layout.ts';
import { emptyRun, tileAt } from '../src/features/tile/tile-run.ts';
import { HotTiles, hotTilesDefaults } from '../src/featurestore/hotkeys/hot-tiles.ts';
import { storeTiles } from '../src/featurestore/online/store-tiles.ts';
import { VectorReader } from '../src/featurestore/online/vector-reader.ts';
import { vectorText } from '../src/featurestore/online/vector-text.ts';
import type { TileWrite } from '../src/ports/online-store.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/**
 * Vectors of 20 features, four windows of one entity, out of a Redis with nothing kept in memory, against the least that one would
 * write by hand: GET of a JSON text with the 20 numbers, parsed and written again. 64 requests at a time. Needs
 * `node scripts/services/main.ts up redis`.
 */
const KEYS = 2_000;
const AT_ONCE = 64;
const READS = 10_000;

const views = eventSource('views', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { id: text(), at: time(), user: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: views,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['5m', '1h', '6h', '1d'],
  freshness: '5s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms), least: min(ms), most: max(ms), mean: mean(ms) }),
});
const visitor = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ user: lookup(byUser, { user: r.user }) }),
});

const told = await redis.status();
if (told === null) console.log('redis-reads: skipped, no Redis runs: node scripts/services/main.ts up redis');
else await main(told['REDIS_URL'] ?? '');

async function main(url: string): Promise<void> {
  const now = Date.now();
  // What an earlier run left is not read again.
  const options = { urls: [url], cluster: false, prefix: `bench${now}`, tls: null, timeoutMs: 5_000 };
  const layout = tileLayout(byUser);
  const writer = await openRedisStore(options);
  for (let key = 0; key < KEYS; key += 1)
    await writer.writeTiles({ writer: 'w', position: {}, tiles: tilesOf(`u${key}`, now), freshUntil: now });
  await writer.remote?.confirm();
  const store = await openRedisStore(options, 'read');
  if (store.remote === undefined) throw new Error('not remote');
  // No key is ever hot.
  const hot = new HotTiles(store.remote, Date.now, { ...hotTilesDefaults, readsPerSecond: Number.POSITIVE_INFINITY });
  const reader = new VectorReader({
    service: visitor,
    layoutOf: () => layout,
    tiles: storeTiles(hot),
    readBatch: (reads) => store.readBatch(reads),
    computeOf: ({ compute }) => compute,
    clock: () => now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  const toText = vectorText(visitor);
  const first = await reader.read(['u1'], undefined, false);
  if (first.degraded || first.missing.length > 0 || first.values[1] === 0) throw new Error(toText(first));
  const client = await createClient({ url, commandOptions: { timeout: 0 } }).connect();
  const plain = Object.fromEntries(visitor.features.map(({ name }, i) => [name, Number(first.values[i])]));
  for (let key = 0; key < KEYS; key += 1) await client.set(`bench${now}:json:u${key}`, JSON.stringify(plain));
  let bytes = 0;
  const rates = await measureRates({
    ours: {
      operations: READS,
      run: () =>
        atOnce(async (i) => {
          bytes += toText(await reader.read([`u${i % KEYS}`], undefined, false)).length;
        }),
    },
    bare: {
      operations: READS,
      run: () =>
        atOnce(async (i) => {
          bytes += JSON.stringify({
            at: now,
            features: JSON.parse((await client.get(`bench${now}:json:u${i % KEYS}`)) ?? ''),
          }).length;
        }),
    },
  });
  if (bytes === 0) throw new Error('nothing was read');
  printFigure({
    name: `vector of 20 features out of Redis, ${tilesOf('u', now).length} tiles, nothing kept in memory`,
    unit: 'vectors/s',
    value: rates.ours,
    yardstick: 'bare node-redis GET and JSON',
    yardstickValue: rates.bare,
    aim: { of: 'ratio', atLeast: 0.8 },
  });
  client.destroy();
  await store.close();
  await writer.close();
}

/** Runs READS reads, so many at once. */
async function atOnce(read: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < READS) {
      next += 1;
      await read(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Tiles of the last day at every hop, an event every ten minutes. */
function tilesOf(key: string, now: number): readonly TileWrite[] {
  const layout = tileLayout(byUser);
  return layout.view.hopsMs.flatMap((hopMs) => {
    const run = emptyRun(layout);
    for (let ago = 86_400_000; ago > 0; ago -= 600_000) {
      const ts = now - ago;
      const index = tileAt(run, layout, Math.floor(ts / hopMs) * hopMs, 0);
      run.nums[index * layout.numbers + COUNT] += 1;
      run.nums[index * layout.numbers + MAX_TS] = ts;
      for (const { aggregate, num, obj } of layout.partials)
        aggregate.update(run, index * layout.numbers + num, index * layout.objects + obj, 1_000, ts, 'a');
    }
    return Array.from({ length: run.length }, (_, index) => ({ layout, hopMs, key, run, index }));
  });
}
