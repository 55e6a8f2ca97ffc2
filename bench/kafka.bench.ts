import { on, once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Producer } from '@platformatic/kafka';
import { defineProject, featureService, lookup, openHeadrace, text } from 'headrace';
import { zipf } from '../examples/personalisation/zipf.ts';
import { kafka } from '../scripts/services/kafka.ts';
import { openKafkaLog } from '../src/backends/kafka/event-log.ts';
import { encodeRecord } from '../src/backends/kafka/record.ts';
import { partitionOf } from '../src/base/hash/partition-of.ts';
import { seededRandom } from '../src/base/rng.ts';
import { topicOf } from '../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../src/featurestore/ingest/source-rows.ts';
import type { EventLog, LogRecord } from '../src/ports/event-log.ts';
import { insideOf } from '../src/running/inside.ts';
import { printFigure } from './figure.ts';
import { measureRates, median } from './measure.ts';
import { withServices } from './services.ts';
import { purchases, scratchDirectory, spend } from './shop.ts';

/**
 * Events to a log on Kafka, rows encoded, 2,000 an append, four partitions at once; and from it into tiles: a process follows a log
 * to which another thread appends as fast as it can, from the first append until it answers with all of it and has committed it. One
 * broker on the same cores, acknowledged by it. Yardsticks in the same rounds: the bare client sends the same bytes, and the log is
 * read and nothing made of it.
 */
const EVENTS = 400_000;
const AT_ONCE = 2_000;
const PARTITIONS = 4;
const USERS = 100_000;
const START = Date.UTC(2026, 0, 1);

const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
const project = defineProject('kafka_bench', { only });

const topic = topicOf(purchases);
const { encode } = sourceRows({}, 'json')(purchases);
const recordOf = ({ id, ts, row }: Row): LogRecord => ({ id, ts, ingestTs: ts, payload: encode(row, ts) });

if (isMainThread) await withServices([kafka], ({ KAFKA_BROKERS }) => main([KAFKA_BROKERS]));
else await appendWhenAsked(workerData);

/** Of its own thread: appends all events to the log of each prefix that it is sent. */
async function appendWhenAsked({ brokers }: { readonly brokers: readonly string[] }): Promise<void> {
  const rows = rowsByPartition();
  const records = rows.map((of) => of.map(recordOf));
  if (parentPort === null) return;
  parentPort.postMessage('ready');
  for await (const [prefix] of on(parentPort, 'message')) {
    if (prefix === 'end') return;
    const log = await openKafkaLog({ brokers, prefix, replicas: 1, timeoutMs: 30_000 });
    await log.openTopic(topic, PARTITIONS);
    await appendAll(log, (partition, from) => records[partition].slice(from, from + AT_ONCE));
    await log.close();
  }
}

/** Appends to all partitions at once what `next` gives from an index on, until that is nothing. */
async function appendAll(
  log: EventLog,
  next: (partition: number, from: number) => readonly LogRecord[],
): Promise<void> {
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      for (let from = 0, records = next(partition, 0); records.length > 0; ) {
        await log.append(topic, partition, records);
        from += records.length;
        records = next(partition, from);
      }
    }),
  );
}

async function main(brokers: readonly string[]): Promise<void> {
  const rows = rowsByPartition();
  const prefixes: string[] = [];
  const newLog = async () => {
    const prefix = `bench${Date.now()}-${prefixes.length}.`;
    prefixes.push(prefix);
    const log = await openKafkaLog({ brokers, prefix, replicas: 1, timeoutMs: 30_000 });
    await log.openTopic(topic, PARTITIONS);
    return { log, name: `${prefix}purchases.1` };
  };

  const append = async () => {
    const { log } = await newLog();
    await appendAll(log, (partition, from) => rows[partition].slice(from, from + AT_ONCE).map(recordOf));
    await log.close();
  };
  const messages = rows.map((of, partition) => of.map((row) => encodeRecord('', partition, recordOf(row))));
  const send = async () => {
    const { log, name } = await newLog();
    const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [...brokers], idempotent: true, acks: -1 });
    await Promise.all(
      messages.map(async (of) => {
        for (let at = 0; at < of.length; at += AT_ONCE)
          await producer.send({ messages: of.slice(at, at + AT_ONCE).map((message) => ({ ...message, topic: name })) });
      }),
    );
    await producer.close();
    await log.close();
    prefixes.pop();
  };
  const written = await measureRates(
    { append: { operations: EVENTS, run: append }, send: { operations: EVENTS, run: send } },
    { warmUps: 1, rounds: 3 },
  );
  printFigure({
    name: 'events appended to a log on Kafka, rows encoded, 2,000 at once, broker on the same cores',
    unit: 'events/s',
    value: written.append,
    yardstick: 'the bare client sends the same bytes',
    yardstickValue: written.send,
    aim: { of: 'value', atLeast: 80_000 },
  });

  const [prefix] = prefixes;
  const appender = new Worker(new URL(import.meta.url), { workerData: { brokers } });
  await once(appender, 'message');
  const closings: (() => Promise<void>)[] = [];
  const take = async () => {
    const [directory, namespace] = [scratchDirectory(), `bench${Date.now()}`];
    const headrace = await openHeadrace({
      project,
      environment: {
        directory,
        namespace,
        partitions: PARTITIONS,
        sampleRate: 0,
        log: { kind: 'kafka', brokers: [...brokers], timeout: '30s' },
      },
      clock: () => START + EVENTS,
    });
    const begun = performance.now();
    appender.postMessage(`${namespace}.`);
    const accepted = () => headrace.counters(purchases).admission.accepted;
    while (accepted() < EVENTS) await sleep(10);
    await insideOf(headrace).features.commit();
    // Not timed: the history of all events.
    closings.push(() => headrace.close().then(() => rmSync(directory, { recursive: true, force: true })));
    return performance.now() - begun;
  };
  const read = async () => {
    const log = await openKafkaLog({ brokers, prefix, replicas: 1, timeoutMs: 30_000 });
    await log.openTopic(topic, PARTITIONS);
    for (const [partition, of] of rows.entries())
      for (let at = 0; at < of.length; ) at += (await log.read(topic, partition, at, AT_ONCE)).records.length;
    await log.close();
  };
  const times: number[] = [];
  const reads: number[] = [];
  for (let round = -1; round < 3; round += 1) {
    const ms = await take();
    for (const close of closings.splice(0)) await close();
    const began = performance.now();
    await read();
    if (round < 0) continue;
    times.push(ms);
    reads.push(performance.now() - began);
  }
  appender.postMessage('end');
  for (const close of closings) await close();
  const rateOf = (ms: readonly number[]) => (EVENTS / median(ms)) * 1_000;
  printFigure({
    name: 'events from a log on Kafka into committed tiles, 8 features at 2 hops, 100,000 users, broker and who appends on the same cores',
    unit: 'events/s',
    value: rateOf(times),
    yardstick: 'the log read, and nothing made of it',
    yardstickValue: rateOf(reads),
    aim: { of: 'value', atLeast: 40_000 },
  });
}

interface Row {
  readonly id: string;
  readonly ts: number;
  readonly row: readonly (string | bigint | number)[];
}

function rowsByPartition(): readonly (readonly Row[])[] {
  const rank = zipf(USERS, seededRandom(1));
  const rows: Row[][] = Array.from({ length: PARTITIONS }, () => []);
  for (let i = 0; i < EVENTS; i += 1) {
    const [id, ts] = [`e${i}`, START + i];
    rows[partitionOf(id, PARTITIONS)].push({ id, ts, row: [id, ts, `u${rank()}`, i % 997, i % 7] });
  }
  return rows;
}
