import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import type { OnlineStore, TileCommit, TileReport } from '../../src/ports/online-store.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { project, START, service, visits } from './visits-site.ts';

/** Refuses to write while it is full. */
class FillingStore extends MemoryOnlineStore {
  isFull = false;

  override writeTiles(commit: TileCommit): TileReport {
    if (this.isFull) throw new Error('no space left');
    return super.writeTiles(commit);
  }
}

test('tiles whose commit failed are written by the next one, and a restart has them', async () => {
  const path = mkdtempSync(`${tmpdir()}/headrace-failed-write-`);
  const offline = await openOfflineStore({ path, access: 'write', clock: () => START });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  const log = new MemoryEventLog();
  const online = new FillingStore();
  const open = (to: OnlineStore) =>
    FeatureStore.open({
      project,
      log,
      online: to,
      offline,
      partitions: 2,
      memoryBytes: 1_000 * 2_000,
      sampleRate: 0,
      retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
      clock: () => START,
      onComputeError: () => undefined,
    });
  const visit = (user: string, id: string) => ({ id, at: START - 1_000, user });

  const store = await open(online);
  await store.ingest(visits, [visit('ann', 'a'), visit('bob', 'b')]);
  online.isFull = true;
  await expect(store.commit()).rejects.toThrow('no space left');
  await store.ingest(visits, [visit('bob', 'c')]);
  online.isFull = false;
  await store.commit();

  const again = await open(online);
  expect((await again.vector(service, { user: 'ann' })).features).toEqual({ by_visits_1h: 1 });
  expect((await again.vector(service, { user: 'bob' })).features).toEqual({ by_visits_1h: 2 });
});
