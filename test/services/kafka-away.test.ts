// @module-tag deep

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Broker, newBroker } from '../../scripts/services/kafka.ts';
import { stopServer } from '../../scripts/services/server.ts';
import { openKafkaLog } from '../../src/backends/kafka/event-log.ts';
import { openTopicReader, type TopicReader } from '../../src/backends/kafka/topic-reader.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { EventLog, LogRecord } from '../../src/ports/event-log.ts';
import type { Position } from '../../src/ports/position.ts';
import { until } from './until.ts';

const TOPIC = 'clicks@1';
const directory = mkdtempSync(join(tmpdir(), 'kafka-away-'));
let broker: Broker;

beforeAll(async () => {
  broker = await newBroker(directory);
});

afterAll(async () => {
  process.kill(broker.pid, 'SIGCONT');
  await stopServer(broker, 'SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** A broker that is stopped keeps and accepts connections, and answers nothing. */
const stall = () => process.kill(broker.pid, 'SIGSTOP');
const goOn = () => process.kill(broker.pid, 'SIGCONT');

const brokers = () => [`127.0.0.1:${broker.port}`];

const open = (prefix: string, timeoutMs = 1_000) =>
  openKafkaLog({ brokers: brokers(), prefix, replicas: 1, timeoutMs });

/** Works while the broker stops again and again: everything takes several times as long, and nothing is away. */
async function slowly<T>(work: () => Promise<T>): Promise<T> {
  let turn = 0;
  const turns = setInterval(() => {
    turn += 1;
    if (turn % 4 === 0) goOn();
    else stall();
  }, 15);
  try {
    return await work();
  } finally {
    clearInterval(turns);
    goOn();
  }
}

/** Longer than any call takes of a broker that is slow. */
const PATIENT_MS = 120_000;

let appended = 0;

function record(): LogRecord {
  appended += 1;
  return { id: `e-${appended}`, ts: appended, ingestTs: appended, payload: new TextEncoder().encode('["x"]') };
}

type Methods = Exclude<keyof EventLog, 'capabilities' | 'close'>;

/** Every method of the log, so that a new one breaks the build; null: it asks nobody. */
const calls: Readonly<Record<Methods, ((log: EventLog) => unknown) | null>> = {
  openTopic: (log) => log.openTopic(TOPIC, 1),
  append: (log) => log.append(TOPIC, 0, [record()]),
  read: (log) => log.read(TOPIC, 0, 0, 1_000_000),
  ends: (log) => log.ends(TOPIC),
  knownEnds: null,
  offsetAtIngest: (log) => log.offsetAtIngest(TOPIC, 0, 1),
  commit: (log) => log.commit('reader', TOPIC, [1]),
  committed: (log) => log.committed('reader', TOPIC),
  retain: (log) => log.retain(TOPIC, { olderThanIngestTs: 0, maxBytes: 2 ** 40, keepFrom: [0] }),
  // No record of a shared log is blanked.
  blank: null,
  restamp: null,
  // A topic of a shared log begins with its first record.
  beginAt: null,
  // Its records are read.
  eachHead: null,
};

const asking = Object.entries(calls).flatMap(([name, call]) => (call === null ? [] : [[name, call] as const]));

async function codeOf(work: () => unknown): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (isHeadraceError(error)) return error.code;
    throw new Error('an error without a code', { cause: error });
  }
}

test('every method of a log whose broker hangs ends with a code, and answers when it continues', async () => {
  const log = await open(`away-${randomUUID().slice(0, 8)}.`);
  try {
    await log.openTopic(TOPIC, 1);
    for (const [name, call] of asking) expect([name, await codeOf(() => call(log))]).toEqual([name, null]);
    stall();
    const codes = await Promise.all(asking.map(async ([name, call]) => [name, await codeOf(() => call(log))]));
    expect(codes).toEqual(asking.map(([name]) => [name, 'LOG_UNREACHABLE']));
    goOn();
    for (const [name, call] of asking)
      await until(async () => {
        const code = await codeOf(() => call(log));
        if (code !== null) throw new Error(`${name}: ${code}`);
        return true;
      });
  } finally {
    goOn();
    await log.close();
  }
});

test('a log whose broker hangs is not opened, by a code, and closes', async () => {
  const log = await open(`away-${randomUUID().slice(0, 8)}.`);
  stall();
  try {
    expect(await codeOf(() => open('away.'))).toBe('LOG_UNREACHABLE');
    await log.close();
  } finally {
    goOn();
  }
});

const openReader = (topic: string, timeoutMs = 1_000) =>
  openTopicReader({
    brokers: brokers(),
    clientId: 'away',
    topics: [{ name: topic, keptMs: Number.POSITIVE_INFINITY }],
    partitions: 1,
    replicas: 1,
    timeoutMs,
  });

/** Every method of a reader of tile topics that asks the broker, so that a new one breaks the build. */
const readerCalls = (
  topic: string,
): Readonly<Record<Exclude<keyof TopicReader, 'close' | 'knownEnds'>, (reader: TopicReader) => Promise<unknown>>> => ({
  ends: (reader) => reader.ends(),
  read: (reader) => reader.read({ [topic]: [0] }),
});

test('every method of tile topics whose broker hangs ends with a code, and answers when it continues', async () => {
  const topic = `away-${randomUUID().slice(0, 8)}`;
  const reader = await openReader(topic);
  const all = Object.entries(readerCalls(topic));
  try {
    for (const [name, call] of all) expect([name, await codeOf(() => call(reader))]).toEqual([name, null]);
    stall();
    for (const [name, call] of all) expect([name, await codeOf(() => call(reader))]).toEqual([name, 'LOG_UNREACHABLE']);
    expect(await codeOf(() => openReader(topic))).toBe('LOG_UNREACHABLE');
    goOn();
    for (const [name, call] of all)
      await until(async () => {
        const code = await codeOf(() => call(reader));
        if (code !== null) throw new Error(`${name}: ${code}`);
        return true;
      });
    stall();
    await reader.close();
  } finally {
    goOn();
  }
});

test('every method of a log and of tile topics whose broker is slow answers, and each record is read once and in order', async () => {
  const prefix = `slow-${randomUUID().slice(0, 8)}.`;
  const log = await open(prefix, PATIENT_MS);
  try {
    await log.openTopic(TOPIC, 1);
    const records = Array.from({ length: 40 }, record);
    const read = await slowly(async () => {
      for (const [name, call] of asking) {
        if (name !== 'append') expect([name, await codeOf(() => call(log))]).toEqual([name, null]);
      }
      for (let from = 0; from < records.length; from += 4) await log.append(TOPIC, 0, records.slice(from, from + 4));
      const topic = `${prefix}${TOPIC.replace('@', '.')}`;
      const reader = await openReader(topic, PATIENT_MS);
      try {
        expect(await reader.ends()).toEqual({ begins: { [topic]: [0] }, ends: { [topic]: [records.length] } });
        const offsets: number[] = [];
        let next: Position = { [topic]: [0] };
        do {
          const batch = await reader.read(next, 100);
          offsets.push(...batch.records.map(({ offset }) => offset));
          ({ next } = batch);
        } while (offsets.length < records.length);
        expect((await reader.read(next, 1)).records).toEqual([]);
        return offsets;
      } finally {
        await reader.close();
      }
    });
    expect(read).toEqual(records.map((_, i) => i));
    const ids: string[] = [];
    const { records: kept } = await log.read(TOPIC, 0, 0, 1_000_000);
    for (const { id } of kept) ids.push(id);
    expect(ids).toEqual(records.map(({ id }) => id));
  } finally {
    await log.close();
  }
});
