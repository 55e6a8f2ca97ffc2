import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { shopTraffic } from '../../examples/personalisation/generator.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { type FlinkCluster, startFlink } from '../services/flink.ts';
import { kafka } from '../services/kafka.ts';
import { startCluster } from '../services/redis-cluster.ts';
import { stopServer } from '../services/server.ts';
import { chart, type Marked, type Stretch, stretchesOf } from './chart.ts';
import { ClicksTopic } from './clicks-topic.ts';
import { faultsOf, type System } from './faults.ts';
import { load, type Seen, vector } from './load.ts';
import { ended, ready, run, serve } from './processes.ts';
import { Tally } from './tally.ts';

/**
 * The personalisation example on Kafka, Flink and a Redis Cluster, read by two processes, while parts of it are killed, moved and
 * started again: in the end every event must have been counted once. Writes the page and the chart of what it saw:
 *
 *     node --conditions=headrace-source scripts/end-to-end/main.ts [--minutes 10]
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const untilMs = Number(values.minutes) * 60_000;

const USERS = 5_000;
const ITEMS = 1_000;
const EVENTS_PER_SECOND = 200;
/** A stretch of the chart. */
const EVERY_MS = 5_000;
/** After the last event, everything must be there by then. */
const SETTLE_MS = 120_000;
const PAGE = new URL('../../docs/internals/end-to-end.md', import.meta.url);
const CHART = new URL('../../docs/internals/end-to-end.svg', import.meta.url);

const directory = mkdtempSync(join(tmpdir(), 'end-to-end-'));
const ending: (() => Promise<unknown>)[] = [];
try {
  await main();
} finally {
  for (const end of ending.reverse()) await end();
  rmSync(directory, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const system = await startSystem();
  const readers = [await serve(0, '--read-only'), await serve(0, '--read-only')];
  for (const reader of readers) ending.push(() => reader.end('SIGTERM'));
  await Promise.all(readers.map(ready));
  const random = seededRandom(1);
  const traffic = shopTraffic({
    users: USERS,
    items: ITEMS,
    until: Date.now(),
    events: 0,
    eventsPerSecond: EVENTS_PER_SECOND,
    random,
  });
  // What was before is nobody's here.
  for await (const _ of traffic.history());
  const tally = new Tally();
  const started = performance.now();
  const clock = () => performance.now() - started;
  const marks: Marked[] = [];
  const [seen] = await Promise.all([
    load({
      clicked: (clicks) => system.clicks.write(clicks),
      writer: () => system.writer.url,
      readers: readers.map(({ url }) => url),
      traffic,
      tally,
      running: () => clock() < untilMs,
      clock,
    }),
    (async () => {
      for (const { share, what, cause } of faultsOf(system)) {
        await sleep(Math.max(0, share * untilMs - clock()));
        const from = clock();
        console.log(`${(from / 1_000).toFixed(0)} s: ${what}`);
        await cause();
        marks.push({ from, to: clock(), what });
      }
    })(),
  ]);
  const settledMs = await settled(
    tally,
    readers.map(({ url }) => url),
  );
  if (seen.silentlySmaller.length > 0)
    throw new Error(`answers became smaller and did not say so: ${seen.silentlySmaller.slice(0, 20).join('; ')}`);
  const stretches = stretchesOf(seen.reads, seen.freshness, EVERY_MS, untilMs);
  writeFileSync(CHART, chart(stretches, marks, untilMs));
  writeFileSync(PAGE, pageOf(tally, seen, stretches, marks, settledMs));
}

/** Broker, cluster of Flink, cluster of the store, the job, and the process that writes. */
async function startSystem(): Promise<System> {
  if ((await kafka.status()) === null) ending.push(() => kafka.down());
  const flink: { -readonly [part in keyof FlinkCluster]: FlinkCluster[part] } = await startFlink(
    join(directory, 'flink'),
  );
  ending.push(async () => {
    for (const server of Object.values(flink)) await stopServer(server);
  });
  const nodesDirectory = join(directory, 'nodes');
  const nodes = [...(await startCluster(nodesDirectory))];
  ending.push(async () => {
    for (const node of nodes) await stopServer(node);
  });
  const namespace = `end-${randomUUID().slice(0, 8)}`;
  const broker = await kafka.up();
  const clicks = await ClicksTopic.make(namespace, [broker['KAFKA_BROKERS']]);
  ending.push(() => clicks.close());
  Object.assign(process.env, broker, {
    FLINK_REST: `http://127.0.0.1:${flink.jobManager.port}`,
    FLINK_GATEWAY: `http://127.0.0.1:${flink.gateway.port}`,
    REDIS_CLUSTER_NODES: nodes.map(({ port }) => `redis://127.0.0.1:${port}`).join(','),
    RUN_DIRECTORY: join(directory, 'project'),
    RUN_NAMESPACE: namespace,
    RUN_TOPIC: clicks.name,
  });
  const system: System = { clicks, nodes, nodesDirectory, flink, writer: await serve(0) };
  ending.push(() => system.writer.end('SIGTERM'));
  await ended(run('tiles', 'deploy'));
  await ready(system.writer);
  ending.push(() => run('tiles', 'stop'));
  return system;
}

/** Waits until both readers answer every user right; ms since the last event. Throws what is wrong where they do not in time. */
async function settled(tally: Tally, readers: readonly string[]): Promise<number> {
  const started = performance.now();
  for (;;) {
    const faults: string[] = [];
    for (const reader of readers)
      for (const request of tally.requests) {
        const { features, degraded } = await vector(reader, request);
        faults.push(...tally.faults(request, features), ...(degraded ? [`${request.user} is degraded`] : []));
      }
    if (faults.length === 0) return performance.now() - started;
    if (performance.now() - started > SETTLE_MS)
      throw new Error(`${faults.length} wrong in the end: ${faults.slice(0, 20).join('; ')}`);
    await sleep(1_000);
  }
}

function pageOf(
  tally: Tally,
  { reads, freshness }: Seen,
  stretches: readonly Stretch[],
  marks: readonly Marked[],
  settledMs: number,
): string {
  const seconds = (ms: number) => (ms / 1_000).toFixed(ms < 10_000 ? 1 : 0);
  const share = (outcome: (typeof reads)[number]['outcome']) =>
    `${((100 * reads.filter((read) => read.outcome === outcome).length) / reads.length).toFixed(2)} %`;
  const during = ({ from }: Marked, until: number) =>
    stretches.filter((one) => one.from > from - EVERY_MS && (one.from <= from || one.from + EVERY_MS <= until));
  const rows = marks.map((mark, i) => {
    const after = during(mark, marks[i + 1]?.from ?? untilMs);
    const most = (of: (stretch: Stretch) => number) => Math.max(...after.map(of).filter(Number.isFinite));
    return `| ${i + 1} | ${seconds(mark.from)} s | ${mark.what} | ${seconds(mark.to - mark.from)} s | ${seconds(most((one) => one.freshnessMs))} s | ${most((one) => one.p99Ms).toFixed(0)} ms | ${percent(most((one) => one.degraded))} | ${percent(most((one) => one.unanswered))} |`;
  });
  const calm = stretches.filter(({ from }) => from > EVERY_MS && from < (marks[0]?.from ?? untilMs) - EVERY_MS);
  return `# All parts together

Written by \`node --conditions=headrace-source scripts/end-to-end/main.ts\`, run by hand. It runs the personalisation example with its
unchanged declaration. Clicks come from a topic of another service, purchases over HTTP. The log is on Kafka, and Flink computes the tiles. A
Redis Cluster has three primaries with their replicas. Two processes read it and one writes. Everything, with the load generators, shares ${cpus().length} cores for
${values.minutes} minutes.

- ${tally.events.toLocaleString('en')} events of ${tally.requests.length.toLocaleString('en')} users, each sent until it was acknowledged. ${seconds(settledMs)} s after the last one (checks
  included), both readers answered like a plain count of the events, for every user in eight features.
- ${reads.length.toLocaleString('en')} reads in an open loop: ${share('right away')} as declared, ${share('stale')} \`stale\`, ${share('degraded')} \`degraded\`, ${share('no answer')} rejected or without an answer within
  5 s. No answer without such a mark counted less than an earlier one. Many are \`stale\` because the views declare a freshness of 1 s,
  and Flink makes a checkpoint a second. Until a checkpoint, the reported age counts from the previous one.
- Before the first fault: the p99 of a read was ${Math.max(...calm.map(({ p99Ms }) => p99Ms)).toFixed(0)} ms in the worst ${EVERY_MS / 1_000} s. The slowest probe was servable after ${Math.max(...calm.map(({ freshnessMs }) => freshnessMs)).toFixed(0)} ms. The whole run had
  ${freshness.length.toLocaleString('en')} probes.

![freshness, latency and marked answers over the run](end-to-end.svg)

| | at | what | took | slowest event to servable, until the next | worst p99 of 5 s | most degraded in 5 s | most without answer in 5 s |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

A consumer group reads the [topic of the other service](../guide/kafka-topics.md#topics-of-other-services). The member that joins reads nothing and
commits nothing: clicks of its partitions wait until it has left, and then count.
`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}
