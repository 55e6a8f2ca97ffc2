import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { defineProject, featureService, lookup, text } from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { COUNT } from '../../src/features/tile/tile-layout.ts';
import { appendTile, emptyRun } from '../../src/features/tile/tile-run.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { MemoryTileTopics } from '../memory/tile-topics.ts';
import { until } from '../services/until.ts';
import { byUser, clicks, events, layout, OtherEngine, PARTITIONS, USERS } from './other-engine.ts';

const service = featureService('clicker', {
  request: { user: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('site', { service });
const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

class Place {
  readonly log = new MemoryEventLog();
  readonly topics = new MemoryTileTopics();
  readonly online = new MemoryOnlineStore();
  readonly engine = new OtherEngine(this.log, this.topics);
  readonly faults: unknown[] = [];
  readonly offline: OfflineStore;

  private constructor(offline: OfflineStore) {
    this.offline = offline;
  }

  static async make(): Promise<Place> {
    const path = mkdtempSync(`${tmpdir()}/headrace-topics-`);
    const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
    ending.push(async () => {
      await offline.close();
      rmSync(path, { recursive: true });
    });
    return new Place(offline);
  }

  async open(): Promise<FeatureStore> {
    const store = await FeatureStore.open({
      project,
      log: this.log,
      online: this.online,
      offline: this.offline,
      topics: this.topics,
      partitions: PARTITIONS,
      memoryBytes: 2 * 2_000,
      sampleRate: 0,
      retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
      clock: Date.now,
      onComputeError: (_, error) => this.faults.push(error),
      onFault: (error) => this.faults.push(error),
    });
    ending.push(() => store.close());
    return store;
  }

  async logged(): Promise<readonly Delivery[]> {
    const all: Delivery[] = [];
    await readDeliveries(this.log, clicks, rowCodec(clicks.columns), [0, 0], (_, __, found) => all.push(...found));
    return all;
  }

  /** Lets the engine catch up, and waits until a store answers as a scan of the log does, and says that this is fresh. */
  async whole(store: FeatureStore): Promise<void> {
    await this.engine.run(Number.POSITIVE_INFINITY);
    await this.engine.checkpoint();
    const accepted = acceptedDeliveries(byUser, await this.logged());
    await until(async () => {
      for (const user of USERS) {
        const { at, values, stale } = await store.read(service, { user });
        const key = entityKeyCodec(byUser.entity.key).encode([user]) ?? '';
        expect(values).toEqual(naiveAnswers(byUser, accepted, key, at));
        expect(stale).toEqual([]);
      }
      return true;
    });
  }
}

const anyStep = fc.oneof(
  fc.record({ do: fc.constant('ingest' as const), count: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ do: fc.constant('run' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constantFrom('checkpoint' as const, 'die' as const, 'restart' as const, 'flush' as const) }),
);

test('whatever dies and begins again, answers and history are those of all events once the engine has caught up', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 15 }), async (steps) => {
      const place = await Place.make();
      let store = await place.open();
      for (const step of steps) {
        if (step.do === 'ingest') await store.ingest(clicks, events(step.count));
        else if (step.do === 'run') await place.engine.run(step.count);
        else if (step.do === 'checkpoint') await place.engine.checkpoint();
        else if (step.do === 'die') place.engine.die();
        else if (step.do === 'flush') await store.flush();
        else store = await place.open();
      }
      await place.whole(store);
      expect(store.facts.intake?.conflicts).toEqual([]);
      await store.flush();
      const accepted = acceptedDeliveries(byUser, await place.logged()).length;
      for (const hopMs of byUser.hopsMs) {
        const tiles = place.offline.relation(tileTable(byUser, hopMs));
        const newest = `SELECT MAX(n) AS n FROM ${tiles} GROUP BY k_user, tile_start`;
        const rows = await Array.fromAsync(
          place.offline.query(`SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM (${newest})`),
        );
        expect(rows.flat()[0]).toEqual([BigInt(accepted)]);
      }
      expect(place.faults).toEqual([]);
    }),
    { numRuns: 15, endOnFailure: true },
  );
});

test('as many events that are others are an alarm once the engine has caught up, and until a newer tile comes', async () => {
  const place = await Place.make();
  const store = await place.open();
  await store.ingest(clicks, events(1));
  await place.whole(store);
  const { tiles } = await place.topics.read({ tiles: [0] });
  const [{ run }] = tiles;
  const other = emptyRun(layout);
  appendTile(layout, other, run, 0);
  other.nums[layout.partials[1].num] += 1;
  place.topics.write([{ ...tiles[0], run: other, index: 0 }]);
  await until(async () => store.facts.intake?.outcomes.conflict === 1);
  // What arrived before it is with the engine, and nothing has settled it.
  await until(async () => store.facts.intake?.conflicts.length === 1);
  const more = emptyRun(layout);
  appendTile(layout, more, other, 0);
  more.nums[COUNT] += 1;
  place.topics.write([{ ...tiles[0], run: more, index: 0 }]);
  await until(async () => store.facts.intake?.conflicts.length === 0);
});

test('what no checkpoint of the engine vouches for is not called fresh', async () => {
  const place = await Place.make();
  const store = await place.open();
  await store.ingest(clicks, events(20));
  await place.whole(store);
  await store.ingest(clicks, events(20));
  await place.engine.run(Number.POSITIVE_INFINITY);
  await until(async () => (await store.read(service, { user: 'ann' })).stale.length === 1);
  await place.engine.checkpoint();
  await place.whole(store);
});
