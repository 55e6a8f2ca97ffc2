import { setTimeout as sleep } from 'node:timers/promises';
import { redisCluster } from '../scripts/services/redis-cluster.ts';
import { Clicks } from '../test/services/clicks.ts';
import { printFigure } from './figure.ts';
import { median, quantile } from './measure.ts';
import { withServices } from './services.ts';

/**
 * Hot keys on a Redis cluster of six nodes. Reads fall due on a schedule at 70 % of what the same process reads at most, and count from
 * then: evenly over all keys, then with 10 % and 50 % of them on one key. Then events flow, evenly and with 10 % of them on one
 * key, while an event of another key is followed from its ingest until a reader with the store alone answers with it. Writer, reader and
 * the six servers share the machine.
 */
const KEYS = 2_000;
const AT_ONCE = 64;
const PEAK_MS = 3_000;
const OPEN_MS = 4_000;
const ROUNDS = 3;
/** Time in which a hot key is found, and reported to others. */
const FOUND_MS = 2_500;
const EVENTS_PER_TURN = 100;
const TURN_MS = 50;
const WRITE_MS = 8_000;

type Read = (user: string) => Promise<unknown>;

await withServices([redisCluster], ({ REDIS_CLUSTER_NODES = '' }) => main(REDIS_CLUSTER_NODES.split(',')));

async function main(urls: readonly string[]): Promise<void> {
  const prefix = `bench${Date.now()}`;
  const site = new Clicks({ urls, cluster: true, prefix, tls: null, timeoutMs: 5_000 }, KEYS);
  try {
    await site.open(2 * KEYS);
    await site.ingest(2 * KEYS);
    await site.headrace.flush();
    const reader = await site.reader();
    await readsAt(reader.read, site, 0, 200, 1_000);
    const peak = await peakOf(reader.read, site);
    await printReads(reader.read, site, peak);
    await reader.close();
    await printWrites(site);
  } finally {
    await site.end();
  }
  if (site.faults.length > 0) throw site.faults[0];
}

async function printReads(read: Read, site: Clicks, peak: number): Promise<void> {
  const seen = { even: [] as number[], tenth: [] as number[], half: [] as number[] };
  // In turns, so that they share the machine's moods.
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [p99s, share] of [
      [seen.even, 0],
      [seen.tenth, 0.1],
      [seen.half, 0.5],
    ] as const) {
      await readsAt(read, site, share, 0.7 * peak, FOUND_MS);
      p99s.push(quantile(await readsAt(read, site, share, 0.7 * peak, OPEN_MS), 0.99));
    }
  for (const [share, p99s] of [
    ['10 %', seen.tenth],
    ['50 %', seen.half],
  ] as const)
    printFigure({
      name: `p99 of a read with ${share} of the reads on one key, cluster, open loop, 70 % of the peak`,
      unit: 'ms',
      value: median(p99s),
      yardstick: 'the same, evenly over all keys',
      yardstickValue: median(seen.even),
      aim: { of: 'ratio', atMost: 1.2 },
    });
}

async function printWrites(site: Clicks): Promise<void> {
  const { users } = site;
  const probed = users.slice(1, 40);
  const others = users.slice(40);
  const withHot = others.flatMap((user, i) => (i % 9 === 0 ? [users[0], user] : [user]));
  const even = await lagsOf(site, others, probed);
  const hot = await lagsOf(site, withHot, probed);
  for (const share of [0.5, 0.95])
    printFigure({
      name: `from an event's ingest to its being read, p${share * 100}, while 10 % of ${(EVENTS_PER_TURN * 1_000) / TURN_MS} events/s are of one other key, cluster`,
      unit: 'ms',
      value: quantile(hot, share),
      yardstick: 'the same, events evenly over all keys',
      yardstickValue: quantile(even, share),
      aim: { of: 'ratio', atMost: 1.2 },
    });
}

/** Reads a second, this many at once, evenly over all keys. */
async function peakOf(read: Read, { users }: Clicks): Promise<number> {
  const end = performance.now() + PEAK_MS;
  let reads = 0;
  const work = async () => {
    while (performance.now() < end) {
      reads += 1;
      await read(users[(reads * 104_729) % KEYS]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return (reads * 1_000) / PEAK_MS;
}

/** Reads on a schedule, a share of them of one key; gives how long after it was due each was answered, ms. */
async function readsAt(read: Read, { users }: Clicks, share: number, perSecond: number, ms: number) {
  const started = performance.now();
  const total = Math.floor((perSecond * ms) / 1_000);
  const waits: number[] = [];
  const answers: Promise<void>[] = [];
  for (let n = 0; n < total; ) {
    for (; n < total && started + (n * 1_000) / perSecond <= performance.now(); n += 1) {
      const due = started + (n * 1_000) / perSecond;
      const user = (n * 7_919) % 1_000 < share * 1_000 ? users[1] : users[(n * 104_729) % KEYS];
      answers.push(read(user).then(() => void waits.push(performance.now() - due)));
    }
    await sleep(1);
  }
  await Promise.all(answers);
  return waits;
}

/** While events of these users flow: the times from the ingest of one of a probed user until it is read, ms. */
async function lagsOf(site: Clicks, flowing: readonly string[], probed: readonly string[]): Promise<readonly number[]> {
  const reader = await site.reader();
  const state = { flows: true };
  const flow = (async () => {
    while (state.flows) {
      await site.ingest(EVENTS_PER_TURN, flowing);
      await site.headrace.tick();
      await sleep(TURN_MS);
    }
  })();
  const lags: number[] = [];
  const end = performance.now() + WRITE_MS;
  for (let i = 0; performance.now() < end; i += 1) {
    const user = probed[i % probed.length];
    const started = performance.now();
    await site.ingest(1, [user]);
    const { n } = site.expected(user);
    while ((await reader.read(user)).n !== n && performance.now() < end + WRITE_MS) await sleep(5);
    lags.push(performance.now() - started);
  }
  state.flows = false;
  await flow;
  await reader.close();
  return lags;
}
