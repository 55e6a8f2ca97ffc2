import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { retainHistory } from '../../src/featurestore/materialise/retain-history.ts';

test('a table that outgrows its budget loses its oldest files, and the disk gets them back', async () => {
  const path = mkdtempSync(join(tmpdir(), 'retain-'));
  let now = 0;
  const store = await openOfflineStore({ path, access: 'write', clock: () => now, keepRetiredMs: 1_000 });
  onTestFinished(async () => {
    await store.close();
    rmSync(path, { recursive: true, force: true });
  });
  const raw = { name: 'events/a@1', columns: { id: 'STRING', _ingest_ts: 'BIGINT' } } as const;
  const tiles = { name: 'tiles/b@1/60000', columns: { tile_start: 'BIGINT' } } as const;
  for (let n = 0; n < 12; n += 1) {
    const tables = [
      { table: raw, rows: 1, columns: [['x'.repeat(n)], [n]] },
      { table: tiles, rows: 1, columns: [[n]] },
    ];
    await store.publish({ writer: 'w', position: {}, mode: 'append', tables });
  }
  const budget = Math.max(...store.tables().map(({ sizeBytes }) => sizeBytes)) / 2;
  const outgrown = store.tables().filter(({ sizeBytes }) => sizeBytes > budget);
  expect(await retainHistory(store, budget)).toEqual(outgrown.map(({ table }) => table.name));
  for (const { sizeBytes } of store.tables()) expect(sizeBytes).toBeLessThanOrEqual(budget);
  const kept: number[] = [];
  for await (const rows of store.query(`SELECT _ingest_ts FROM ${store.relation(raw)}`))
    kept.push(...rows.map(([at]) => Number(at)));
  expect(kept.length).toBeGreaterThan(0);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 12 - kept.length + i));
  expect(await retainHistory(store, budget)).toEqual([]);
  now += 1_000;
  await store.publish({ writer: 'w', position: {}, mode: 'append', tables: [] });
  const files = store.tables().flatMap((state) => state.files);
  const onDisk = readdirSync(path, { recursive: true, encoding: 'utf8' });
  expect(onDisk.filter((name) => name.endsWith('.parquet'))).toHaveLength(files.length);
});
