import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { type KeyRuns, SourceEngine } from '../../src/features/engine/stream-engine.ts';
import type { TileLayout } from '../../src/features/tile/tile-layout.ts';
import { appendTile, emptyRun, lowerBound } from '../../src/features/tile/tile-run.ts';
import type { TileTopics } from '../../src/ports/tile-topics.ts';
import { eventLogContracts } from '../../src/testing/contracts/event-log.ts';
import { onlineStoreContracts } from '../../src/testing/contracts/online-store.ts';
import { sourceTopicContracts } from '../../src/testing/contracts/source-topic.ts';
import { tileSharesContracts } from '../../src/testing/contracts/tile-shares.ts';
import { type TileTopicsSubject, tileTopicsContracts } from '../../src/testing/contracts/tile-topics.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { MemoryTopic } from '../memory/source-topic.ts';
import { MemoryShares } from '../memory/tile-shares.ts';
import { MemoryTileTopics } from '../memory/tile-topics.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'stores-'));
  roots.push(root);
  return root;
}

describe('memory', () => {
  // Nothing survives it and nobody else can open it: the rules of durability and locks say nothing here.
  test.each(eventLogContracts.filter(({ needs }) => needs.every((need) => need === 'blank')))(
    'event log, rule $rule: $name',
    async ({ run }) => {
      await run({ open: () => new MemoryEventLog() });
    },
  );
  test.each(onlineStoreContracts.filter(({ needs }) => needs.length === 0))(
    'online store, rule $rule: $name',
    async ({ run }) => {
      await run({ open: () => new MemoryOnlineStore() });
    },
  );
  test.each(tileSharesContracts)('tiles that many write, rule $rule: $name', async ({ run }) => {
    const store = new MemoryOnlineStore();
    const shares = new MemoryShares(store, 2);
    await run({
      serve: () => shares.serve(),
      open: () => shares.open(),
      read: (tiles) => ({ ...shares.told, run: store.readTiles([tiles])[0] }),
      lose: () => shares.lose(),
      close: () => undefined,
    });
  });
  test.each(sourceTopicContracts)('topic of others, rule $rule: $name', async ({ run }) => {
    const topic = new MemoryTopic('shop.clicks', 2);
    const bytes = (text: string | null) => (text === null ? null : new TextEncoder().encode(text));
    await run({
      write: async (partition, key, value) => {
        topic.write(partition, bytes(key), bytes(value));
        return topic.partitions[partition].records.length - 1;
      },
      trim: async (partition, offset) => topic.trim(partition, offset),
      join: async () => topic.join(),
    });
  });
});

describe('embedded', () => {
  test.each(eventLogContracts)('event log for the process, rule $rule: $name', async ({ run }) => {
    const path = newRoot();
    await run({ open: () => openEventLog({ path, durability: 'process', segmentBytes: 20_000 }) });
  });
  test.each(eventLogContracts)('event log for power, rule $rule: $name', async ({ run }) => {
    const path = newRoot();
    await run({ open: () => openEventLog({ path, durability: 'power', segmentBytes: 20_000 }) });
  });
  test.each(onlineStoreContracts)('online store, rule $rule: $name', async ({ run }) => {
    const path = newRoot();
    await run({ open: () => openOnlineStore({ path }) });
  });
});

/** The engine of this process, which writes each tile that changes to topics; `fault` is what it does wrong. */
function engineInMemory(fault?: 'forgets' | 'repeats' | 'lies' | 'hurries'): TileTopicsSubject {
  return {
    async begin(layouts) {
      const [{ source }] = layouts.map(({ view }) => view);
      const topics = new MemoryTileTopics();
      const log: (readonly [number, Delivery])[] = [];
      let written = 0;
      const newEngine = () => {
        const keys = new Map<TileLayout, Map<string, KeyRuns>>(layouts.map((layout) => [layout, new Map()]));
        return new SourceEngine<KeyRuns & { readonly key: string }>(source, layouts, {
          tilesOf(layout, key) {
            const found = keys.get(layout)?.get(key) ?? { runs: layout.view.hopsMs.map(() => emptyRun(layout)) };
            keys.get(layout)?.set(key, found);
            return { ...found, key };
          },
          changed(layout, { key, runs }, hop, start) {
            written += 1;
            if (fault === 'forgets' && written % 97 === 0) return;
            const run = emptyRun(layout);
            appendTile(layout, run, runs[hop], lowerBound(runs[hop], layout, start));
            topics.write([{ layout, hopMs: layout.view.hopsMs[hop], key, run, index: 0 }]);
          },
        });
      };
      let engine = newEngine();
      const inHaste: TileTopics = {
        engine: topics.engine,
        ends: () => topics.ends(),
        knownEnds: () => topics.knownEnds(),
        read: (from) => topics.read(from),
        close: () => topics.close(),
      };
      return {
        topics: fault === 'hurries' ? inHaste : topics,
        now: 1_700_000_000_000,
        async append(partition, deliveries) {
          for (const delivery of deliveries) {
            log.push([partition, delivery]);
            if (fault !== 'lies' || log.length % 40 !== 0) engine.apply(delivery, partition);
          }
        },
        behind: async () => 0,
        async interrupt() {
          if (fault !== 'repeats') engine = newEngine();
          for (const [i, [partition, delivery]] of log.entries())
            engine.apply(fault === 'repeats' ? { ...delivery, id: `again ${i}` } : delivery, partition);
        },
        close: () => topics.close(),
      };
    },
  };
}

describe('tile topics in memory', () => {
  test.each(tileTopicsContracts)('rule $rule: $name', ({ run }) => run(engineInMemory()));

  test.each([
    ['forgets', [1, 3, 4]],
    ['repeats', [3]],
    ['lies', [1, 3, 4]],
    ['hurries', [4]],
  ] as const)('an engine that %s breaks rules %j', async (fault, rules) => {
    const outcomes = await Promise.allSettled(tileTopicsContracts.map(({ run }) => run(engineInMemory(fault))));
    const broken = tileTopicsContracts.filter((_, i) => outcomes[i].status === 'rejected');
    expect(broken.map(({ rule }) => rule)).toEqual(rules);
  });
});
