import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { Archive } from '../../src/featurestore/materialise/archive.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import { TileCache } from '../../src/featurestore/materialise/tile-cache.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { project, START, visits } from '../featurestore/visits-site.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const EVENTS = 600;
const TOPIC = 'visits@1';

async function openOffline(): Promise<OfflineStore> {
  const path = mkdtempSync(`${tmpdir()}/headrace-early-`);
  const offline = await openOfflineStore({ path, access: 'write', clock: () => START });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  return offline;
}

/** A log with events. */
async function filledLog(): Promise<MemoryEventLog> {
  const log = new MemoryEventLog();
  const store = await FeatureStore.open({
    project,
    log,
    online: new MemoryOnlineStore(),
    offline: await openOffline(),
    partitions: 2,
    memoryBytes: 50_000_000,
    sampleRate: 0,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => START,
    onComputeError: () => undefined,
  });
  await store.ingest(
    visits,
    Array.from({ length: EVENTS }, (_, i) => ({ id: `v${i}`, at: START - 1_000, user: `u${i}` })),
  );
  await store.close();
  return log;
}

test.each([1_000, 20_000, 1e9])(
  'deliveries that come while the history is opened are in it once, with %d bytes of room for them',
  async (mostBytes) => {
    const log = await filledLog();
    const offline = await openOffline();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const slow: OfflineStore = Object.create(offline, {
      position: {
        value: async (writer: string) => {
          await opened;
          return offline.position(writer);
        },
      },
    });
    for (const name of ['publish', 'evolve', 'tables'] as const)
      Object.defineProperty(slow, name, { value: offline[name].bind(offline) });
    const rowsOf = sourceRows({}, log.capabilities.rows);
    const tiles = new TileCache(new MemoryOnlineStore(), 1_000_000);
    const archive = new Archive({ log, offline: slow, sources: [visits], rowsOf, layouts: [], tiles, mostBytes });
    const opening = archive.open({ [TOPIC]: [0, 0] });
    let most = 0;
    await readDeliveries(log, visits, rowsOf(visits), [0, 0], (partition, offset, deliveries) => {
      for (const [i, delivery] of deliveries.entries()) {
        archive.take({
          source: visits,
          partition,
          offset: offset + i,
          deliveries: [delivery],
          verdicts: ['accepted'],
          firsts: new Map(),
        });
        most = Math.max(most, archive.waiting.bytes);
      }
      return undefined;
    });
    expect(most).toBeLessThan(mostBytes + 1_000);
    open();
    await opening;
    await archive.publishDeliveries();
    const found: unknown[] = [];
    const raw = offline.relation(rawTable(visits));
    for await (const rows of offline.query(`SELECT id FROM ${raw}`)) found.push(...rows.map(([id]) => id));
    expect(new Set(found).size).toBe(EVENTS);
    expect(found).toHaveLength(EVENTS);
    expect(archive.waiting).toMatchObject({ deliveries: 0, bytes: 0 });
  },
);
