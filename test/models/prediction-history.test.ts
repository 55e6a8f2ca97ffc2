import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { type LogFiles, nodeFiles } from '../../src/backends/embedded/log/log-files.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { EventLog, EventLogCapabilities } from '../../src/ports/event-log.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import type { LoggedPrediction, NewPrediction } from '../../src/serving/online/prediction.ts';
import { PredictionHistory } from '../../src/serving/online/prediction-history.ts';
import { mustBeLoggable, PredictionLog } from '../../src/serving/online/prediction-log.ts';
import { predictionTopic } from '../../src/serving/online/prediction-record.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { small } from './small-project.ts';

const PARTITIONS = 3;
const TOPIC = predictionTopic(small);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'headrace-predictions-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const openOffline = (path: string): Promise<OfflineStore> =>
  openOfflineStore({ path, access: 'write', clock: Date.now });

function prediction(id: string): NewPrediction {
  return {
    id,
    version: 3,
    score: 0.25,
    at: 1_000,
    ages: { streaming: 12.4, batch: Number.POSITIVE_INFINITY },
    missing: 2,
  };
}

interface Opened {
  readonly log: PredictionLog;
  readonly history: PredictionHistory;
  readonly seen: string[];
  readonly unreadable: unknown[];
}

async function open(log: EventLog, offline: OfflineStore, mostBytes?: number): Promise<Opened> {
  const opened: { history?: PredictionHistory } = {};
  const seen: string[] = [];
  const unreadable: unknown[] = [];
  const predictions = await PredictionLog.open({
    model: small,
    log,
    partitions: PARTITIONS,
    clock: () => 5_000,
    appended: (...appended) => opened.history?.take(...appended),
    room: () => opened.history?.room() ?? null,
  });
  const history = await PredictionHistory.open({
    model: small,
    log,
    offline,
    seen: (_p, _o, some: readonly (LoggedPrediction | null)[]) => seen.push(...some.flatMap((one) => one?.id ?? [])),
    unreadable: (error) => unreadable.push(error),
    ...(mostBytes === undefined ? {} : { mostBytes }),
  });
  opened.history = history;
  return { log: predictions, history, seen, unreadable };
}

async function rowsOf(offline: OfflineStore, columns = 'log_partition, log_offset, id'): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  const table = offline.relation(predictionTable(small));
  for await (const some of offline.query(`SELECT ${columns} FROM ${table} ORDER BY ALL`)) rows.push(...some);
  return rows;
}

/** What the topic has, as the history should have it. */
async function logged(log: EventLog): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const { records } = await log.read(TOPIC, partition, 0, 1_000_000);
    records.forEach(({ id }, offset) => {
      if (id !== '') rows.push([BigInt(partition), BigInt(offset), id]);
    });
  }
  return rows;
}

test('a prediction is a row of its table with the place that it has in the log', async () => {
  const offline = await openOffline(folder());
  const { log, history, seen } = await open(new MemoryEventLog(), offline);
  await log.append([prediction('a')]);
  expect([history.waiting, seen]).toEqual([1, ['a']]);
  await history.publish();
  expect(history.waiting).toBe(0);
  const [row] = await rowsOf(offline, '*');
  // A batch age of never is none.
  expect(row).toEqual(['a', 1_000n, 3n, 0.25, 12n, null, 2n, 5_000n, expect.any(BigInt), 0n, null, null, null]);
  await offline.close();
});

test('calls of one turn share an append for each partition, and a call of many rows is cut into appends', async () => {
  const memory = new MemoryEventLog();
  const appends: number[] = [];
  const log = await PredictionLog.open({
    model: small,
    log: memory,
    partitions: PARTITIONS,
    clock: () => 1,
    appended: (_partition, _offset, predictions) => appends.push(predictions.length),
  });
  await Promise.all(Array.from({ length: 60 }, (_, i) => log.append([prediction(`p${i}`)])));
  expect(appends).toHaveLength(PARTITIONS);
  expect(appends.reduce((sum, length) => sum + length, 0)).toBe(60);
  appends.length = 0;
  await log.append(Array.from({ length: 9_000 }, (_, i) => prediction(`q${i}`)));
  expect(Math.max(...appends)).toBeLessThanOrEqual(2_000);
  expect(appends.reduce((sum, length) => sum + length, 0)).toBe(9_000);
  const ends = memory.ends(TOPIC).reduce((sum, { end }) => sum + end, 0);
  expect(ends).toBe(9_060);
});

test('served instants are those of the clock, over restarts and a clock that goes back too', async () => {
  const memory = new MemoryEventLog();
  for (const now of [50, 40, 60, 10]) {
    const log = await PredictionLog.open({
      model: small,
      log: memory,
      partitions: PARTITIONS,
      clock: () => now,
      appended: () => undefined,
    });
    await log.append([prediction('same')]);
    await log.append([prediction('same')]);
  }
  const [times] = [0, 1, 2]
    .map((partition) => memory.read(TOPIC, partition, 0, 100).records.map(({ ingestTs }) => ingestTs))
    .filter(({ length }) => length > 0);
  // An instant of a clock that was ahead holds back no later one.
  expect(times).toEqual([50, 50, 40, 40, 60, 60, 10, 10]);
});

test('a prediction whose append fails is an error, is not seen, and the next one is logged', async () => {
  let full = false;
  const files: LogFiles = {
    ...nodeFiles,
    append: (...args: Parameters<LogFiles['append']>) => {
      if (full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return nodeFiles.append(...args);
    },
  };
  const events = openEventLog({ path: folder(), durability: 'process', files });
  const offline = await openOffline(folder());
  const { log, history, seen } = await open(events, offline);
  await log.append([prediction('a')]);
  full = true;
  await expect(log.append([prediction('b'), prediction('c')])).rejects.toMatchObject({ code: 'LOG_WRITE' });
  full = false;
  await log.append([prediction('d')]);
  expect(seen).toEqual(['a', 'd']);
  await history.publish();
  expect(await rowsOf(offline, 'id')).toEqual([['a'], ['d']]);
  await offline.close();
  await events.close();
});

/** What happens next: an append of this many, a publish that goes well or fails before or after its manifest, a restart. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }) },
  fc.constantFrom(
    'publish' as const,
    'publish' as const,
    'fail before' as const,
    'fail after' as const,
    'restart' as const,
  ),
);

/** The store, and a fault that its next publish meets. */
function faulty(store: OfflineStore): { readonly offline: OfflineStore; fault: 'before' | 'after' | null } {
  const state: { offline: OfflineStore; fault: 'before' | 'after' | null } = { offline: store, fault: null };
  state.offline = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (name !== 'publish') return member.bind(target) as unknown;
      return async (...args: Parameters<OfflineStore['publish']>) => {
        const { fault } = state;
        state.fault = null;
        if (fault === 'before') throw new Error('the disk failed before the manifest');
        await target.publish(...args);
        if (fault === 'after') throw new Error('the disk failed after the manifest');
      };
    },
  });
  return state;
}

class SharedMemoryLog extends MemoryEventLog {
  override readonly capabilities: EventLogCapabilities = { durability: 'memory', manyWriters: true, rows: 'json' };
}

test.each([
  ['of one writer', () => new MemoryEventLog()],
  ['that others may write', () => new SharedMemoryLog()],
])('each prediction of a log %s is in the history once, over every failed publish and restart', async (_, newLog) => {
  const runs = Number(process.env['HEADRACE_PREDICTION_RUNS'] ?? 6);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25, size: 'max' }), async (steps) => {
      const memory = newLog();
      const path = mkdtempSync(join(tmpdir(), 'headrace-predictions-'));
      const store = await openOffline(path);
      const disk = faulty(store);
      let opened = await open(memory, disk.offline);
      let n = 0;
      for (const what of steps) {
        if (typeof what === 'number') {
          await opened.log.append(Array.from({ length: what }, () => prediction(`p${n++}`)));
        } else if (what === 'restart') {
          opened = await open(memory, disk.offline);
          await opened.history.pull();
        } else {
          disk.fault = what === 'publish' ? null : what === 'fail before' ? 'before' : 'after';
          await opened.history.pull();
          await opened.history.publish().catch(() => undefined);
          disk.fault = null;
        }
      }
      await opened.history.pull();
      await opened.history.publish();
      expect(await rowsOf(store)).toEqual(await logged(memory));
      const ends = memory.ends(TOPIC).map(({ end }) => end);
      const published = [...opened.history.published];
      expect(published.reduce((sum, end) => sum + end, 0)).toBe(ends.reduce((sum, end) => sum + end, 0));
      await store.close();
      rmSync(path, { recursive: true, force: true });
    }),
    { numRuns: runs },
  );
});

test('blanked records are no rows, and those after them are', async () => {
  const memory = new MemoryEventLog();
  const offline = await openOffline(folder());
  const before = await open(memory, offline);
  await before.log.append(Array.from({ length: 30 }, (_, i) => prediction(`p${i}`)));
  for (let partition = 0; partition < PARTITIONS; partition += 1)
    memory.blank(TOPIC, partition, ({ id }) => Number(id.slice(1)) % 3 === 0);
  const { history, seen } = await open(memory, offline);
  await history.pull();
  await history.publish();
  expect(await rowsOf(offline)).toEqual(await logged(memory));
  expect(seen).toHaveLength(20);
  await offline.close();
});

test('processes that write one log each have all predictions in its order, and pass over what is none', async () => {
  const memory = new SharedMemoryLog();
  const offlines = [await openOffline(folder()), await openOffline(folder())];
  const processes = [await open(memory, offlines[0]), await open(memory, offlines[1])];
  const random = seededRandom(3);
  for (let n = 0; n < 200; n += 1) {
    const one = processes[random() < 0.5 ? 0 : 1];
    await one.log.append([prediction(`p${n}`)]);
    if (n === 77) memory.append(TOPIC, 1, [{ id: 'x', ts: 0, ingestTs: 5_000, payload: new Uint8Array([1]) }]);
    if (n % 23 === 0) await one.history.pull();
  }
  const wanted = (await logged(memory)).filter((row) => String(row).split(',')[2] !== 'x');
  for (const [i, { history, seen, unreadable }] of processes.entries()) {
    await history.pull();
    await history.publish();
    expect(await rowsOf(offlines[i])).toEqual(wanted);
    expect([seen.length, new Set(seen).size]).toEqual([200, 200]);
    expect(unreadable).toMatchObject([{ code: 'LOG_FOREIGN' }]);
    expect(history.unreadable).toBe(1);
    await offlines[i].close();
  }
});

test('a record of a later format keeps the reader of its own log at its place', async () => {
  const memory = new MemoryEventLog();
  const offline = await openOffline(folder());
  const { log } = await open(memory, offline);
  await log.append([prediction('a')]);
  for (let partition = 0; partition < PARTITIONS; partition += 1)
    memory.append(TOPIC, partition, [
      { id: 'new', ts: 0, ingestTs: 5_000, payload: new TextEncoder().encode('{"format":2}') },
    ]);
  const { history } = await open(memory, offline);
  await expect(history.pull()).rejects.toMatchObject({ code: 'PREDICTION_RECORD' });
  await expect(history.pull()).rejects.toMatchObject({ code: 'PREDICTION_RECORD' });
  await offline.close();
});

test('a log that ends before the place of the history continues from its end', async () => {
  const offline = await openOffline(folder());
  const before = await open(new MemoryEventLog(), offline);
  await before.log.append(Array.from({ length: 30 }, (_, i) => prediction(`p${i}`)));
  await before.history.publish();
  const cut = new MemoryEventLog();
  const after = await open(cut, offline);
  await after.log.append([prediction('new')]);
  await after.history.publish();
  expect(await rowsOf(offline, 'COUNT(*), COUNT(DISTINCT id)')).toEqual([[31n, 31n]]);
  await offline.close();
});

test.each(['', '\ud800', 'a\udc00'])('the id %j is refused: the log would not keep it', (id) => {
  expect(() => mustBeLoggable('small', id)).toThrow(expect.objectContaining({ code: 'PREDICTION_VALUE' }));
});

test('predictions that memory has no room for wait in the log, and the history has each once', async () => {
  const offline = await openOffline(folder());
  const log = new MemoryEventLog();
  const gate = { isBroken: true };
  const publish = offline.publish.bind(offline);
  offline.publish = async (change) => {
    if (gate.isBroken) throw new Error('the disk does not answer');
    return publish(change);
  };
  const opened = await open(log, offline, 20_000);
  await opened.history.pull();
  let most = 0;
  for (let n = 0; n < 100; n += 1) {
    await opened.log.append(Array.from({ length: 20 }, (_, i) => prediction(`p${n}-${i}`)));
    most = Math.max(most, opened.history.waitingBytes);
    if (n % 10 === 0) await opened.history.pull().catch(() => undefined);
  }
  expect(most).toBeLessThan(20_000 + 40 * 400);
  expect(opened.history.leftToLog).toBeGreaterThan(0);
  gate.isBroken = false;
  await opened.history.pull();
  await opened.history.publish();
  expect(opened.history.waitingBytes).toBe(0);
  expect(await rowsOf(offline)).toEqual(await logged(log));
  expect(new Set(opened.seen).size).toBe(2_000);
  expect(opened.seen).toHaveLength(2_000);
  await offline.close();
});
