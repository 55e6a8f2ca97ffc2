import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { memoryPart } from '../../src/featurestore/memory/memory-part.ts';
import { openPart } from '../../src/observe/part-kind.ts';
import type { OfflineChange, OfflineStore } from '../../src/ports/offline-store.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { until } from '../until.ts';
import { project, START, visits } from './visits-site.ts';

const MOST_BYTES = 200_000;

/** A history whose publishes wait at a gate, or fail. */
async function open() {
  const path = mkdtempSync(`${tmpdir()}/headrace-queue-`);
  const offline = await openOfflineStore({ path, access: 'write', clock: () => START });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  const gate = { open: Promise.resolve(), isBroken: false };
  const slow: OfflineStore = Object.create(offline, {
    publish: {
      value: async (change: OfflineChange) => {
        await gate.open;
        if (gate.isBroken) throw new Error('the disk does not answer');
        return offline.publish(change);
      },
    },
  });
  for (const name of ['evolve', 'position', 'relation', 'query', 'tables', 'damaged', 'check', 'retain'] as const)
    Object.defineProperty(slow, name, { value: offline[name].bind(offline) });
  const log = new MemoryEventLog();
  const store = await FeatureStore.open({
    project,
    log,
    online: new MemoryOnlineStore(),
    offline: slow,
    partitions: 2,
    memoryBytes: 50_000_000,
    mostWaitingBytes: MOST_BYTES,
    sampleRate: 0,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => START,
    onComputeError: () => undefined,
  });
  const part = openPart(memoryPart, () => store.facts.memory());
  return { store, log, offline, gate, part };
}

const CALL = 50;
const call = (n: number) =>
  Array.from({ length: CALL }, (_, i) => ({ id: `v${n}-${i}`, at: START - 1_000, user: `u${i}` }));

async function rows(offline: OfflineStore, store: FeatureStore): Promise<number> {
  const found: unknown[] = [];
  for await (const some of offline.query(`SELECT DISTINCT id FROM ${store.deliveries(visits)}`)) found.push(...some);
  return found.length;
}

test('a history that is slower than its callers makes them wait, and has every event once', async () => {
  const { store, offline, gate, part } = await open();
  let release = () => {};
  gate.open = new Promise((resolve) => {
    release = resolve;
  });
  const queue = () => store.facts.memory().queues[0];
  const calls: Promise<unknown>[] = [];
  let answered = 0;
  const send = (n: number) => {
    const sent = Promise.resolve(store.ingest(visits, call(n))).then(() => {
      answered += 1;
    });
    calls.push(sent);
  };
  for (let n = 0; queue().turnedAway === 0; n += 1) {
    send(n);
    await Promise.resolve();
  }
  const full = queue();
  for (let n = 0; n < 40; n += 1) send(10_000 + n);
  await until(() => queue().turnedAway === 41);
  // No call beyond the bound was taken.
  expect(queue()).toMatchObject({ rows: full.rows, bytes: full.bytes, mostBytes: MOST_BYTES });
  expect(answered).toBe(calls.length - 41);
  expect(part.health(START).join()).toContain('the queue is full: history');
  expect(
    part
      .figures()
      .find(({ name }) => name === 'headrace_queue_bytes')
      ?.read(START),
  ).toEqual([[{ queue: 'history' }, full.bytes]]);
  release();
  await Promise.all(calls);
  await store.close();
  expect(queue()).toMatchObject({ rows: 0, bytes: 0 });
  expect(part.health(START)).toEqual([]);
  expect(await rows(offline, store)).toBe(calls.length * CALL);
});

test('a history that cannot be written refuses events before any is logged, and takes them once it can', async () => {
  const { store, log, offline, gate } = await open();
  gate.isBroken = true;
  let taken = 0;
  const send = async () => {
    await store.ingest(visits, call(taken));
    taken += 1;
  };
  const refused = await (async () => {
    for (;;) {
      const failed = await send().catch((error: unknown) => error);
      if (failed !== undefined) return failed;
    }
  })();
  expect(refused).toMatchObject({ code: 'HISTORY_FULL', retry: 'later', status: 503 });
  const ends = await log.ends('visits@1');
  expect(ends.reduce((sum, { end }) => sum + end, 0)).toBe(taken * CALL);
  expect(store.facts.memory().queues[0].bytes).toBeLessThan(MOST_BYTES + 50_000);
  gate.isBroken = false;
  await until(() =>
    send().then(
      () => true,
      () => false,
    ),
  );
  await store.close().catch(() => store.flush());
  expect(await rows(offline, store)).toBe(taken * CALL);
});
