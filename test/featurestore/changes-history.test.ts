import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import {
  bool,
  changeSource,
  count,
  defineProject,
  entity,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const HOUR_MS = 3_600_000;
const orders = changeSource('orders', {
  id: 'change',
  time: 'changed',
  lateness: '1h',
  row: { id: 'order', time: 'placed' },
  before: 'gone',
  columns: { change: text(), changed: time(), order: text(), placed: time(), gone: bool(), shop: text() },
});
const byShop = streamView('by_shop', {
  source: orders,
  entity: entity('shop', { shop: text() }),
  key: { shop: 'shop' },
  windows: ['12h'],
  freshness: '1s',
  features: () => ({ orders: count() }),
});
const service = featureService('shopper', {
  request: { shop: text() },
  join: (r) => ({ shop: lookup(byShop, { shop: r.shop }) }),
});
const project = defineProject('shop', { service });

test('a row that changed before a crash is in the history in the tile of its own time', async () => {
  const path = mkdtempSync(join(tmpdir(), 'changes-history-'));
  const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
  ending.push(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  const [log, online] = [new MemoryEventLog(), new MemoryOnlineStore()];
  const open = async () => {
    const store = await FeatureStore.open({
      ...{ project, log, online, offline, partitions: 1, memoryBytes: 10 * 2_000, sampleRate: 0, clock: Date.now },
      retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
      onComputeError: (_, error) => {
        throw error;
      },
    });
    ending.push(() => store.close());
    return store;
  };
  const changed = Date.now();
  const placed = changed - 5 * HOUR_MS;
  const died = await open();
  await died.ingest(orders, [{ change: 'c1', changed, order: 'o1', placed, gone: false, shop: 'a' }]);
  await died.commit();
  const store = await open();
  await store.flush();
  const [hopMs] = byShop.hopsMs;
  const rows = await Array.fromAsync(
    offline.query(`SELECT tile_start, n FROM ${offline.relation(tileTable(byShop, hopMs))}`),
  );
  expect(rows.flat()).toEqual([[BigInt(Math.floor(placed / hopMs) * hopMs), 1n]]);
});
