import { expect, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';
import { openRedisShares } from '../../src/backends/redis/tile-shares.ts';
import type { ShareNames, TileShares } from '../../src/ports/tile-shares.ts';
import { contractLayout, contractTile } from '../../src/testing/contracts/contract-tiles.ts';
import { until } from '../until.ts';
import { codeOf } from './code-of.ts';
import { FaultWire } from './fault-wire.ts';

/** This long a call may take where nothing answers, ms. */
const TIMEOUT_MS = 150;

const HOP_MS = 60_000;
const NAMES: ShareNames = { engine: 'engine', shares: 2 };

/** Every method of the shares but `close`, so that a new one breaks the build. */
const calls: Readonly<Record<Exclude<keyof TileShares, 'close'>, (shares: TileShares) => Promise<unknown>>> = {
  take: (shares) => shares.take([0], false),
  load: (shares) => shares.load([{ layout: contractLayout, key: 'u' }]),
  add: async (shares) => {
    const tiles = [contractTile(HOP_MS, 'u', 0, 2)];
    const [to] = await shares.load([{ layout: contractLayout, key: 'u' }]);
    await shares.add([{ to, tiles, covers: [1] }], { shares: [0], now: HOP_MS });
  },
  write: (shares) =>
    shares.write({
      tiles: [contractTile(HOP_MS, 'u', 0, 2)],
      places: new Map([[0, { t: 1 }]]),
      freshUntil: null,
      now: HOP_MS,
      isWhole: false,
    }),
};

/** The rules of a process that writes shares of tiles to a Redis whose wire has faults. */
export function testSharesAway(port: () => number, fresh: (url: string) => RedisOptions): void {
  async function onWire(work: (wire: FaultWire, options: RedisOptions) => Promise<void>): Promise<void> {
    const wire = await FaultWire.open(port());
    try {
      const options = { ...fresh(`redis://127.0.0.1:${wire.port}`), timeoutMs: TIMEOUT_MS };
      // Nothing is written while the process that serves has not opened the store.
      const serving = await openRedisStore(options, 'write', NAMES);
      await serving.close();
      await work(wire, options);
    } finally {
      await wire.close();
    }
  }

  const works = (shares: TileShares, call: (shares: TileShares) => Promise<unknown>) =>
    until(async () => {
      await shares.take([0], false);
      return (await codeOf(() => call(shares))) === null;
    });

  test.each(['away', 'stalled'] as const)('%s: every method ends with a code, and answers when it is back', (state) =>
    onWire(async (wire, options) => {
      const shares = await openRedisShares(options, NAMES);
      for (const [name, call] of Object.entries(calls)) {
        await works(shares, call);
        await wire.set(state);
        expect([name, await codeOf(() => call(shares))]).toEqual([name, expect.stringMatching(/^REDIS_/)]);
        await wire.set('whole');
        await works(shares, call);
      }
      await shares.close();
      await until(() => wire.connections === 0);
    }),
  );

  test('slow: every method answers', () =>
    onWire(async (wire, options) => {
      const shares = await openRedisShares({ ...options, timeoutMs: 60_000 }, NAMES);
      await wire.set('slow');
      for (const [name, call] of Object.entries(calls))
        expect([name, await codeOf(() => call(shares))]).toEqual([name, null]);
      await shares.close();
    }));

  test.each(['away', 'stalled'] as const)('%s while it opens: it ends with a code', (state) =>
    onWire(async (wire, options) => {
      await wire.set(state);
      expect(await codeOf(() => openRedisShares(options, NAMES))).toMatch(/^REDIS_(UNREACHABLE|TIMEOUT)$/);
      await wire.set('whole');
      await (await openRedisShares(options, NAMES)).close();
    }),
  );
}
