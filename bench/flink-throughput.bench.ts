import { setTimeout as sleep } from 'node:timers/promises';
import { defineProject, featureService, lookup, text } from 'headrace';
import { zipf } from '../examples/personalisation/zipf.ts';
import { flink } from '../scripts/services/flink.ts';
import { kafka } from '../scripts/services/kafka.ts';
import { FlinkCluster } from '../src/backends/flink/cluster.ts';
import { GatewaySession } from '../src/backends/flink/sql-gateway.ts';
import { type TileJob, tileJob } from '../src/backends/flink/tile-job.ts';
import { openKafkaLog } from '../src/backends/kafka/event-log.ts';
import { FORMAT } from '../src/backends/kafka/record.ts';
import { openTopicReader } from '../src/backends/kafka/topic-reader.ts';
import { partitionOf } from '../src/base/hash/partition-of.ts';
import { seededRandom } from '../src/base/rng.ts';
import { topicOf } from '../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../src/featurestore/ingest/source-rows.ts';
import type { EventLog, LogRecord } from '../src/ports/event-log.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { withServices } from './services.ts';
import { purchases, spend } from './shop.ts';

/**
 * Events a second that Flink makes tiles of, from a log on Kafka to topics of tiles: the job that is compiled from a declaration (8
 * features at 2 hops), against what one would write by hand for the same sums: the same rule for deliveries, one GROUP BY for each hop, the
 * same settings. They take turns on one log, which of them begins too. Timed between two of the offsets that the job commits at its checkpoints: its start is left out.
 */
const EVENTS = 400_000;
const AT_ONCE = 2_000;
const PARTITIONS = 2;
const USERS = 20_000;
/** The first of them is not counted: the task manager compiles its code then. */
const ROUNDS = 4;
const HOPS_MS = spend.hopsMs;

const project = defineProject('flink_bench', {
  only: featureService('only', {
    request: { user: text() },
    join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
  }),
});

await withServices([kafka, flink], async (told) => {
  const brokers = [told['KAFKA_BROKERS']];
  const prefix = `bench${Date.now()}.`;
  const log = await openKafkaLog({ brokers, prefix, replicas: 1, timeoutMs: 30_000 });
  await log.openTopic(topicOf(purchases), PARTITIONS);
  await fill(log);
  const cluster = new FlinkCluster(told['FLINK_REST'], 60_000);
  const rates = { compiled: [] as number[], byHand: [] as number[] };
  const jobs = [
    ['compiled', compiledJob],
    ['byHand', jobByHand],
  ] as const;
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [kind, jobOf] of round % 2 === 0 ? jobs : jobs.toReversed()) {
      const reader = `${kind}${round}`;
      const tiles = (hopMs: number) => `${prefix}${reader}.${hopMs}`;
      const topics = HOPS_MS.map((hopMs) => ({ name: tiles(hopMs), keptMs: Number.POSITIVE_INFINITY }));
      const made = await openTopicReader({
        brokers,
        clientId: 'bench',
        timeoutMs: 30_000,
        topics,
        partitions: PARTITIONS,
        replicas: 1,
      });
      await made.close();
      const job = jobOf({
        brokers: brokers.join(','),
        group: `${prefix}${reader}`,
        events: `${prefix}purchases.1`,
        tiles,
      });
      const id = await submit(told['FLINK_GATEWAY'], job);
      const rate = await rateOf(log, reader);
      if (round > 0) rates[kind].push(rate);
      await cluster.cancel(id);
    }
  await log.close();
  console.error(JSON.stringify(rates));
  printFigure({
    name: 'events from Kafka into tiles by Flink, 8 features at 2 hops, everything on the same cores',
    unit: 'events/s',
    value: median(rates.compiled),
    yardstick: 'Flink SQL by hand for the same sums',
    yardstickValue: median(rates.byHand),
    aim: { of: 'ratio', atLeast: 0.9 },
  });
});

interface Names {
  readonly brokers: string;
  readonly group: string;
  readonly events: string;
  readonly tiles: (hopMs: number) => string;
}

function compiledJob({ brokers, group, events, tiles }: Names): TileJob {
  return tileJob(project, {
    brokers: [brokers],
    mark: FORMAT,
    group,
    checkpointMs: 1_000,
    eventTopic: () => events,
    tileTopic: (_, hopMs) => tiles(hopMs),
    generation: 0,
  });
}

function jobByHand(names: Names): TileJob {
  const { brokers, group, events, tiles } = names;
  const servers = `'properties.bootstrap.servers' = '${brokers}'`;
  const sinks = HOPS_MS.map(
    (
      hopMs,
    ) => `CREATE TEMPORARY TABLE tiles_${hopMs} (u STRING, tile_start BIGINT, n BIGINT, spent BIGINT, dearest BIGINT, items BIGINT,
  PRIMARY KEY (u, tile_start) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = '${tiles(hopMs)}', ${servers},
  'key.format' = 'json', 'value.format' = 'json', 'sink.buffer-flush.max-rows' = '1000', 'sink.buffer-flush.interval' = '20ms')`,
  );
  const inserts = HOPS_MS.map(
    (
      hopMs,
    ) => `INSERT INTO tiles_${hopMs} SELECT \`user\`, \`at\` - MOD(\`at\`, CAST(${hopMs} AS BIGINT)), COUNT(*), SUM(price), MAX(price), SUM(items)
FROM accepted GROUP BY \`user\`, \`at\` - MOD(\`at\`, CAST(${hopMs} AS BIGINT));`,
  );
  return {
    properties: compiledJob(names).properties,
    statements: [
      `CREATE TEMPORARY TABLE events (id STRING, \`at\` BIGINT, \`user\` STRING, price BIGINT, items BIGINT, _ingest_ts BIGINT, pt AS PROCTIME())
  WITH ('connector' = 'kafka', 'topic' = '${events}', ${servers}, 'properties.group.id' = '${group}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json')`,
      `CREATE TEMPORARY VIEW accepted AS SELECT id, \`at\`, \`user\`, price, items FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY pt) AS rn FROM events) AS d
  WHERE rn = 1 AND \`user\` IS NOT NULL AND \`at\` - _ingest_ts <= ${purchases.futureSkewMs} AND _ingest_ts - \`at\` <= ${purchases.latenessMs}`,
      ...sinks,
      `EXECUTE STATEMENT SET BEGIN\n${inserts.join('\n')}\nEND`,
    ],
  };
}

async function submit(gateway: string, { properties, statements }: TileJob): Promise<string> {
  const session = await GatewaySession.open(gateway, properties, 120_000);
  let started = '';
  for (const statement of statements) started = (await session.run(statement)).jobId ?? started;
  await session.close();
  return started;
}

/** Events a second between the first offsets that the job commits and the last. */
async function rateOf(log: EventLog, reader: string): Promise<number> {
  const all = { first: { at: 0, done: 0 } };
  for (const end = performance.now() + 120_000; performance.now() < end; await sleep(20)) {
    const committed = await log.committed(reader, topicOf(purchases));
    const done = (committed ?? []).reduce((sum, offset) => sum + offset, 0);
    if (all.first.done === 0 && done > 0) all.first = { at: performance.now(), done };
    if (done === EVENTS) return ((done - all.first.done) / (performance.now() - all.first.at)) * 1_000;
  }
  throw new Error(`${reader} did not come to the end of the log`);
}

async function fill(log: EventLog): Promise<void> {
  const rank = zipf(USERS, seededRandom(1));
  const { encode } = sourceRows({}, 'json')(purchases);
  const records: LogRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  const from = Date.now() - EVENTS / 10;
  for (let i = 0; i < EVENTS; i += 1) {
    const [id, ts] = [`e${i}`, from + Math.floor(i / 10)];
    const payload = encode([id, ts, `u${rank()}`, i % 997, i % 7], ts);
    records[partitionOf(id, PARTITIONS)].push({ id, ts, ingestTs: ts, payload });
  }
  for (const [partition, of] of records.entries())
    for (let at = 0; at < of.length; at += AT_ONCE)
      await log.append(topicOf(purchases), partition, of.slice(at, at + AT_ONCE));
}
