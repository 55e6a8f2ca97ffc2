import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileArtifactStore } from '../../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { MemoryEventLog } from '../../../src/backends/memory/event-log.ts';
import { onnxRuntime } from '../../../src/backends/onnx/onnx-runtime.ts';
import { openSqliteRegistry, registryFile } from '../../../src/compose/open-registry.ts';
import { streamInference } from '../../../src/features/define/declare.ts';
import { LogRetention } from '../../../src/featurestore/log-retention.ts';
import type { OfflineStore } from '../../../src/ports/offline-store.ts';
import type { Value } from '../../../src/schema/column.ts';
import { rowCodec } from '../../../src/schema/row-codec.ts';
import { streamTopics } from '../../../src/serving/streaming/open-lanes.ts';
import { ProjectStreams } from '../../../src/serving/streaming/project-streams.ts';

import { asked, registerSmall, service, small } from '../../models/small-project.ts';
import { event } from '../stream-site.ts';
import { acceptAll } from './verdicts.ts';

const START = Date.UTC(2026, 0, 1);
const INPUT = 'asked@1';
const scored = streamInference('scored', { model: small, from: asked, to: 'scores' });

/** The stream of the small model over a log in memory of one partition; the model has two versions and no champion. */
async function site(log: MemoryEventLog) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-streams-'));
  const registry = openSqliteRegistry(registryFile(directory));
  onTestFinished(() => registry.close());
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  for (const c of [0.1, 0.01]) await registerSmall(registry, artifacts, c);
  const faults: unknown[] = [];
  const clock = () => START;
  const onFault = (error: unknown) => void faults.push(error);
  const streams = new ProjectStreams({
    log,
    lanes: null,
    registry,
    artifacts,
    runtime: onnxRuntime,
    python: null,
    streams: [scored],
    clock,
    onFault,
  });
  return { registry, streams, faults };
}

const { encode, decode } = rowCodec(asked.columns);

/** Appends events with ids from `from` to `to`, each a second after the one before it. */
function append(log: MemoryEventLog, from: number, to: number): void {
  const records = Array.from({ length: to - from }, (_, i) => {
    const ts = START + (from + i) * 1_000;
    const { id, at, name, number, gaps, category } = event(from + i, ts);
    return { id, ts, ingestTs: ts, payload: encode([id, at, name, number, gaps, category]) };
  });
  log.append(INPUT, 0, records);
}

/** Trims the log before an event; whole segments of a thousand records go. */
function trimBefore(log: MemoryEventLog, i: number): void {
  log.retain(INPUT, { olderThanIngestTs: START + i * 1_000, maxBytes: 1e12, keepFrom: [i] });
}

/** Answers with the request and a count of 1. */
const recordUse = () => undefined;
const look = (_: unknown, request: unknown) => {
  const given = request as Readonly<Record<string, Value>>;
  const values = service.features.map(({ name }) => given[name] ?? 1);
  const vector = { service, at: START, values, missing: [], stale: [], degraded: false, counts: [], texts: [] };
  return { request: [], tookMs: 0, vector: { ...vector, ages: { streaming: null, batch: null } } };
};
const appliedTo = () => null;
const verdictsOf = () => acceptAll;
const rowsOf = () => ({ encode: (row: readonly Value[]) => encode(row), decode });

const readPast = () => Promise.resolve(new Map<number, never>());

test('a champion that comes after the log was trimmed scores what the log still has', async () => {
  const log = new MemoryEventLog();
  const { registry, streams, faults } = await site(log);
  log.openTopic(INPUT, 1);
  await streams.makeTopics(1);
  await streams.open({ look, recordUse, rowsOf, verdictsOf, appliedTo, readPast });
  const stream = streams.named('scored');
  append(log, 0, 3_000);
  await stream.tick();
  trimBefore(log, 2_000);
  const [{ begin }] = log.ends(INPUT);
  expect(begin).toBeGreaterThan(0);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  await stream.tick();
  expect(faults).toEqual([]);
  expect(stream.status.partitions).toMatchObject([{ next: 3_000, waiting: 0 }]);
  expect(stream.counts).toMatchObject({ scored: 3_000 - begin, rejected: 0 });
});

test('a shadow that was away until the log was trimmed continues with what the log still has', async () => {
  const log = new MemoryEventLog();
  const { registry, streams, faults } = await site(log);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  log.openTopic(INPUT, 1);
  await streams.makeTopics(1);
  await streams.open({ look, recordUse, rowsOf, verdictsOf, appliedTo, readPast });
  const stream = streams.named('scored');
  await expect(stream.shadow(2)).rejects.toMatchObject({ code: 'MODEL_NONE' });
  await stream.tick();
  await stream.shadow(2);
  append(log, 0, 10);
  await stream.tick();
  await stream.shadow(null);
  append(log, 10, 3_000);
  await stream.tick();
  trimBefore(log, 2_000);
  const [{ begin }] = log.ends(INPUT);
  expect(begin).toBeGreaterThan(10);
  await stream.shadow(2);
  await stream.tick();
  expect(faults).toEqual([]);
  expect(log.ends(streamTopics(scored).shadow)).toMatchObject([{ end: 10 + 3_000 - begin }]);
});

test('the log keeps the records that a stream could not score yet', async () => {
  const log = new MemoryEventLog();
  const { registry, streams, faults } = await site(log);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  log.openTopic(INPUT, 1);
  await streams.makeTopics(1);
  const state = { isAway: false };
  const lookOrFail: typeof look = (...asked) => {
    if (state.isAway) throw new Error('the store is away');
    return look(...asked);
  };
  await streams.open({ look: lookOrFail, recordUse, rowsOf, verdictsOf, appliedTo, readPast });
  const stream = streams.named('scored');
  append(log, 0, 10);
  await stream.tick();
  state.isAway = true;
  append(log, 10, 3_000);
  await stream.tick();
  const retention = new LogRetention({
    log,
    offline: {} as OfflineStore,
    clock: () => START + 1e9,
    retention: { logAgeMs: 0, logBytes: 0, historyBytes: 0 },
    disk: undefined,
    sources: [asked],
    otherTopics: streams.topics(),
    otherReaders: streams.readers(),
    keepFrom: [async () => [3_000]],
  });
  await retention.retain();
  state.isAway = false;
  await stream.tick();
  expect(faults).toMatchObject([{ message: 'the store is away' }]);
  expect(stream.counts).toMatchObject({ scored: 3_000, rejected: 0 });
  await retention.retain();
  expect(log.ends(INPUT)[0].begin).toBeGreaterThan(0);
});
