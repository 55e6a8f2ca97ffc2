import { defineProject, featureService, lookup, openHeadrace, text } from 'headrace';
import { open } from 'lmdb';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { insideOf } from '../src/running/inside.ts';
import { printFigure } from './figure.ts';
import { purchases, scratchDirectory, spend } from './shop.ts';
import { LARGE_USERS, largeShop } from './shop-server.ts';

/**
 * Events to durable tiles on one core: 1 M keys by Zipf's law, one view of eight features at two hops, embedded stores,
 * log and tiles written to disk; the history is published afterwards and is not timed. Yardstick in the same run: putting
 * one 100-byte value per event into bare LMDB in transactions of 1,000, the keys drawn alike.
 */
const EVENTS = 1_000_000;
const KEYS = 1_000_000;
const BATCH = 1_000;
const START = Date.UTC(2026, 0, 1);
/** A shop of LARGE_USERS takes minutes of CPU to fill, and an event of a user that is not in memory costs the same in a smaller one. */
const MANY_USERS = process.env['HEADRACE_BENCH_USERS'] === undefined ? LARGE_USERS / 5 : LARGE_USERS;
const LARGE_EVENTS = MANY_USERS / 5;

const random = seededRandom(1);
const rank = zipf(KEYS, () => random());
const users = Array.from({ length: EVENTS }, () => `u${rank()}`);

const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
let now = START;
const headrace = await openHeadrace({
  project: defineProject('ingest_bench', { only }),
  environment: { directory: scratchDirectory(), sampleRate: 0, memory: '8GiB' },
  clock: () => now,
});

// Ten events a millisecond of event time: the hour of lateness holds what a busy source sends.
const eventAt = (i: number) => ({
  id: `e${i}`,
  at: START + Math.floor(i / 10),
  user: users[i],
  price: i % 997,
  items: i % 7,
});
const ours = await seconds(async () => {
  for (let i = 0; i < EVENTS; i += BATCH) {
    now = START + Math.floor((i + BATCH) / 10);
    await headrace.ingest(
      purchases,
      Array.from({ length: BATCH }, (_, k) => eventAt(i + k)),
    );
  }
  await insideOf(headrace).features.commit();
});
await headrace.close();

const bare = open<Buffer, string>({ path: `${scratchDirectory()}/bare.mdb`, encoding: 'binary' });
const value = Buffer.alloc(100, 7);
const yardstick = await seconds(async () => {
  for (let i = 0; i < EVENTS; i += BATCH) {
    bare.transactionSync(() => {
      for (let k = i; k < i + BATCH; k += 1) bare.putSync(users[k], value);
    });
  }
});
await bare.close();

printFigure({
  name: `ingest to durable tiles, 1 M events of ${new Set(users).size.toLocaleString('en')} distinct users, zipf keys, all in memory, 8 features at 2 hops`,
  unit: 'events/s',
  value: EVENTS / ours,
  yardstick: 'bare LMDB, one 100-byte put per event',
  yardstickValue: EVENTS / yardstick,
  aim: { of: 'value', atLeast: 100_000 },
});

// Events of users that are not in memory: their tiles are read from the store first.
const large = await largeShop(defineProject('ingest_bench', { only }), MANY_USERS);
const draw = seededRandom(2);
const drawn = Array.from({ length: LARGE_EVENTS }, () => `u${Math.floor(draw() * MANY_USERS)}`);
const cold = await seconds(async () => {
  for (let i = 0; i < LARGE_EVENTS; i += BATCH)
    await large.headrace.ingest(
      purchases,
      drawn.slice(i, i + BATCH).map((user, k) => ({ id: `n${i + k}`, at: large.now, user, price: k, items: 1 })),
    );
  await insideOf(large.headrace).features.commit();
});
const { evicted } = large.headrace.status().memory;
await large.headrace.close();
if (evicted === 0) throw new Error('the users fit into memory');

printFigure({
  name: `ingest to durable tiles, events of any of ${MANY_USERS.toLocaleString('en')} users, most of them not in memory, ${new Set(drawn).size.toLocaleString('en')} distinct`,
  unit: 'events/s',
  value: LARGE_EVENTS / cold,
  yardstick: 'the same, zipf keys, all in memory',
  yardstickValue: EVENTS / ours,
  aim: null,
});

async function seconds(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}
