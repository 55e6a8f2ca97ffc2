import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  last,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { appendTile, emptyRun } from '../../src/features/tile/tile-run.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import type { OnlineStore, OpenCommit, TileWrite } from '../../src/ports/online-store.ts';

const START = Date.UTC(2026, 0, 1);
const USERS = 3_000;

const visits = eventSource('visits', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), page: text() },
});
const byUser = streamView('by_user', {
  source: visits,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ page }) => ({ visits: count(), page: last(page) }),
});
const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ by: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('site', { service });

/** Takes commits little by little, and writes them when it is asked to, or fails to. */
class SlowStore extends MemoryOnlineStore {
  isFull = false;
  mayWrite: Promise<void> = Promise.resolve();

  openCommit(): OpenCommit {
    const tiles: TileWrite[] = [];
    return {
      add: (some) => {
        for (const tile of some) {
          const run = emptyRun(tile.layout);
          appendTile(tile.layout, run, tile.run, tile.index);
          tiles.push({ ...tile, run, index: 0 });
        }
      },
      finish: async (commit) => {
        await this.mayWrite;
        if (this.isFull) throw new Error('no space left');
        return this.writeTiles({ ...commit, tiles });
      },
    };
  }
}

async function running() {
  const path = mkdtempSync(`${tmpdir()}/headrace-commit-amid-`);
  const offline = await openOfflineStore({ path, access: 'write', clock: () => START });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  const log = new MemoryEventLog();
  const online = new SlowStore();
  const open = (to: OnlineStore) =>
    FeatureStore.open({
      project,
      log,
      online: to,
      offline,
      partitions: 2,
      memoryBytes: USERS * 2_000,
      sampleRate: 0,
      retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
      clock: () => START,
      onComputeError: () => undefined,
    });
  let n = 0;
  const counts = new Array<number>(USERS).fill(0);
  const visit = (user: number) => {
    n += 1;
    counts[user] += 1;
    return { id: `v${n}`, at: START - 1_000, user: `u${user}`, page: `page ${counts[user]}` };
  };
  const store = await open(online);
  await store.ingest(
    visits,
    Array.from({ length: USERS }, (_, user) => visit(user)),
  );
  /** Another process on the same log and store, the first having ended where it was: it has every event once. */
  const mustAgree = async () => {
    const again = await open(online);
    for (let user = 0; user < USERS; user += 1) {
      const { features } = await again.vector(service, { user: `u${user}` });
      const page = `page ${counts[user]}`;
      const wanted = { by_visits_1h: counts[user], by_visits_1d: counts[user], by_page_1h: page, by_page_1d: page };
      if (features['by_visits_1h'] !== counts[user]) expect([user, features]).toEqual([user, wanted]);
    }
    const [one] = await Promise.all([again.vector(service, { user: 'u0' })]);
    expect(one.features).toMatchObject({ by_visits_1h: counts[0], by_page_1d: `page ${counts[0]}` });
  };
  return { store, online, visit, mustAgree };
}

test('a commit has what had come when it began, however much comes while it is written', async () => {
  const { store, online, visit, mustAgree } = await running();
  const gate = Promise.withResolvers<void>();
  online.mayWrite = gate.promise;
  const committed = store.commit();
  for (let i = 0; i < 40; i += 1) {
    await store.ingest(
      visits,
      Array.from({ length: 50 }, (_, k) => visit((i * 997 + k * 61) % USERS)),
    );
    if (i % 2 === 0) await setImmediate();
  }
  gate.resolve();
  await committed;
  await store.ingest(visits, [visit(0)]);
  await mustAgree();
});

test('tiles of a commit that failed while events came are written with those by the next', async () => {
  const { store, online, visit, mustAgree } = await running();
  online.isFull = true;
  const committed = store.commit();
  const refused = expect(committed).rejects.toThrow('no space left');
  for (let i = 0; i < 10; i += 1) {
    await store.ingest(visits, [visit(i), visit(USERS - 1 - i)]);
    await setImmediate();
  }
  await refused;
  online.isFull = false;
  await store.commit();
  await mustAgree();
});
