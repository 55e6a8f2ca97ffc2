import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import { fail } from '../../src/base/errors/fail.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';

const clicks = eventSource('clicks', { id: 'click', time: 'at', columns: { click: text(), at: time(), user: text() } });
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ n: count() }),
});
const service = featureService('served', {
  request: { user: text() },
  join: (r) => ({ clicks: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('site', { service });

test('a disk that is full for a while leaves no gap in the history', async () => {
  const path = mkdtempSync(`${tmpdir()}/archive-`);
  const real = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await real.close();
    rmSync(path, { recursive: true, force: true });
  });
  let full = false;
  const offline: OfflineStore = {
    publish: (change) => (full ? Promise.reject(fail('OFFLINE_FULL', { path })) : real.publish(change)),
    evolve: (table) => real.evolve(table),
    position: (writer) => real.position(writer),
    tables: () => real.tables(),
    relation: (table) => real.relation(table),
    query: (sql) => real.query(sql),
    exportParquet: (sql, file) => real.exportParquet(sql, file),
    exportRows: (table, rows, file) => real.exportRows(table, rows, file),
    refresh: () => real.refresh(),
    compact: (name) => real.compact(name),
    retain: (name, rule) => real.retain(name, rule),
    close: () => real.close(),
  };
  let now = Date.UTC(2026, 0, 1);
  const store = await FeatureStore.open({
    project,
    log: new MemoryEventLog(),
    online: new MemoryOnlineStore(),
    offline,
    partitions: 2,
    cacheKeys: 100,
    sampleRate: 0,
    retention: { logAgeMs: 1e15, logBytes: 1e15, historyBytes: 1e15 },
    clock: () => now,
    onComputeError: () => undefined,
  });
  for (const state of [false, true, true, false]) {
    full = state;
    for (let i = 0; i < 10; i += 1) {
      now += 30_000;
      await store.ingest(clicks, [{ click: `c${now}`, at: now, user: `u${now % 7}` }]);
    }
    if (full) await expect(store.flush()).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
    else await store.flush();
  }
  const tiles = tileTable(byUser, byUser.hopsMs[0] ?? 0);
  const sql = `SELECT
    (SELECT COUNT(*) FROM ${real.relation(rawTable(clicks))}),
    (SELECT COUNT(DISTINCT click) FROM ${real.relation(rawTable(clicks))}),
    (SELECT SUM(n) FROM (SELECT MAX(n) AS n FROM ${real.relation(tiles)} GROUP BY k_user, tile_start))`;
  for await (const rows of real.query(sql)) expect(rows).toEqual([[40n, 40n, 40n]]);
});
