import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { COUNT } from '../../src/features/tile/tile-layout.ts';
import type { TileRun } from '../../src/features/tile/tile-run.ts';
import { Gateway } from '../../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import { TileWriter } from '../../src/featurestore/materialise/tile-writer.ts';
import type { TileShares } from '../../src/ports/tile-shares.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { acceptedDeliveries } from '../../src/testing/oracle/naive-scan.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { MemoryShares } from '../memory/tile-shares.ts';
import { MemoryTileTopics } from '../memory/tile-topics.ts';
import { runs } from '../runs.ts';
import { turns, until } from '../until.ts';
import { byUser, clicks, events, layout, OtherEngine, PARTITIONS, USERS } from './other-engine.ts';

const SHARES = 4;
const WRITERS = 3;
const ALL = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const KEYS = USERS.map((user) => entityKeyCodec(byUser.entity.key).encode([user]) ?? '');

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** What becomes of a process: `cut`: it is killed when it has written the tiles of its next batch, and not where it stands. */
type Life = 'lives' | 'cut' | 'dead';

interface Member {
  readonly writer: TileWriter;
  life: Life;
  /** What it believes to have. */
  shares: readonly number[];
  /** Calls of the store of shares: to take a share, and to write. */
  calls: number;
}

class Site {
  readonly log: MemoryEventLog;
  readonly topics = new MemoryTileTopics(SHARES);
  readonly store = new MemoryOnlineStore();
  readonly board = new MemoryShares(this.store, SHARES);
  readonly engine: OtherEngine;
  readonly members: Member[] = [];
  readonly faults: string[] = [];
  readonly #gateway: Gateway;

  private constructor(log: MemoryEventLog, gateway: Gateway) {
    this.log = log;
    this.#gateway = gateway;
    this.engine = new OtherEngine(log, this.topics);
  }

  static async make(): Promise<Site> {
    const log = new MemoryEventLog();
    const nothing = () => undefined;
    const rest = { partitions: PARTITIONS, clock: Date.now, listener: () => [], refused: nothing };
    const gateway = await Gateway.open({ log, sources: [clicks], rowsOf: sourceRows({}, 'compact'), ...rest });
    const site = new Site(log, gateway);
    for (let i = 0; i < WRITERS; i += 1) site.start(i);
    return site;
  }

  /** Starts the process of a place; who was there has died. */
  start(place: number): void {
    const before = this.members[place];
    if (before !== undefined) before.life = 'dead';
    const shares = before?.shares ?? [];
    const own: { member: Member | null } = { member: null };
    const writer = new TileWriter({
      topics: this.topics,
      shares: mortal(this, () => own.member),
      group: { shares: async () => own.member?.shares ?? [], close: async () => undefined },
      log: this.log,
      sources: [clicks],
      partitions: PARTITIONS,
      clock: Date.now,
      onFault: (error) => this.faults.push(String(error)),
    });
    own.member = { writer, shares, life: 'lives', calls: 0 };
    this.members[place] = own.member;
    ending.push(() => writer.close());
  }

  async ingest(count: number): Promise<void> {
    await this.#gateway.ingest(clicks, events(count));
  }

  /** Gives each share to one, or for a moment to several. */
  assign(owners: readonly (readonly number[])[]): void {
    this.members.forEach((member, place) => {
      member.shares = owners.flatMap((of, share) => (of.includes(place) ? [share] : []));
    });
  }

  async accepted(): Promise<readonly Delivery[]> {
    const all: Delivery[] = [];
    const from = Array.from({ length: PARTITIONS }, () => 0);
    await readDeliveries(this.log, clicks, rowCodec(clicks.columns), from, (_, __, found) => all.push(...found));
    return acceptedDeliveries(byUser, all);
  }

  /** The facts that readers receive are true of the tiles that they find: fresh until an instant, they have all events that came before it. */
  async honest(): Promise<void> {
    const { degraded, freshUntil } = this.board.told;
    if (degraded || freshUntil === Number.NEGATIVE_INFINITY) return;
    const stored = KEYS.map((key) => eventsOf(this.runsOf(key)[0]));
    const came = (await this.accepted()).filter(({ ingestTs }) => ingestTs < freshUntil);
    USERS.forEach((user, i) => {
      expect(stored[i]).toBeGreaterThanOrEqual(came.filter(({ row }) => row[2] === user).length);
    });
  }

  runsOf(key: string): readonly TileRun[] {
    return this.store.readTiles(byUser.hopsMs.map((hopMs) => ({ layout, hopMs, key, ...ALL })));
  }

  /** Waits until the store has the tiles of all events, and says that it is fresh and whole. */
  async whole(): Promise<void> {
    await this.engine.run(Number.POSITIVE_INFINITY);
    await this.engine.checkpoint();
    const since = Date.now();
    await until(() => this.board.told.freshUntil >= since && !this.board.told.degraded);
    const made = this.engine.tiles();
    const none = byUser.hopsMs.map(() => []);
    for (const key of KEYS) expect(this.runsOf(key).map(numbersOf)).toEqual(made.get(key)?.map(numbersOf) ?? none);
    const all = KEYS.reduce((sum, key) => sum + eventsOf(this.runsOf(key)[0]), 0);
    expect(all).toBe((await this.accepted()).length);
  }
}

/** The store as a process has it that may die at any time. */
function mortal({ board, store }: Site, member: () => Member | null): TileShares {
  const shares = board.open();
  const mustLive = () => {
    const own = member();
    if (own !== null) own.calls += 1;
    if (own?.life === 'dead') throw new Error('it is dead');
  };
  return {
    ...shares,
    take: async (...asked) => {
      mustLive();
      return shares.take(...asked);
    },
    write: async (write) => {
      mustLive();
      const own = member();
      if (own?.life !== 'cut' || write.tiles.length === 0) return shares.write(write);
      own.life = 'dead';
      store.writeTiles({ writer: 'cut', position: {}, tiles: write.tiles });
      throw new Error('it has died amid a write');
    },
  };
}

function eventsOf({ nums, length }: TileRun): number {
  return Array.from({ length }, (_, i) => nums[i * layout.numbers + COUNT]).reduce((sum, n) => sum + n, 0);
}

function numbersOf({ nums, length }: TileRun): readonly number[] {
  return [...nums.subarray(0, length * layout.numbers)];
}

const place = fc.integer({ min: 0, max: WRITERS - 1 });
/** Of some kinds the place says nothing. */
const anyStep = fc.oneof(
  fc.record({ do: fc.constant('ingest' as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant('run' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constantFrom('checkpoint' as const, 'die' as const, 'lose' as const), place }),
  fc.record({ do: fc.constantFrom('cut' as const, 'dead' as const, 'start' as const), place }),
  fc.record({
    do: fc.constant('assign' as const),
    owners: fc.array(fc.uniqueArray(place, { maxLength: 2 }), { minLength: SHARES, maxLength: SHARES }),
  }),
);

test('whoever has the shares and whatever dies or is lost, no tile is missing in the end, and none is called fresh before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 6, maxLength: 16 }), async (steps) => {
      const site = await Site.make();
      site.board.serve();
      site.assign([[0], [1], [2], [0]]);
      for (const step of steps) {
        if (step.do === 'ingest') await site.ingest(step.count);
        else if (step.do === 'run') await site.engine.run(step.count);
        else if (step.do === 'checkpoint') await site.engine.checkpoint();
        else if (step.do === 'die') site.engine.die();
        else if (step.do === 'assign') site.assign(step.owners);
        else if (step.do === 'lose') site.board.lose();
        else if (step.do === 'start') site.start(step.place);
        else site.members[step.place].life = step.do;
        await turns(20);
        await site.honest();
        // The process that serves has noticed the loss.
        if (step.do === 'lose') site.board.serve();
      }
      for (let i = 0; i < WRITERS; i += 1) site.start(i);
      site.assign([[0], [1], [2], [1]]);
      await site.whole();
      await site.honest();
      for (const end of ending.splice(0).reverse()) await end();
    }),
    { numRuns: runs(5, 60), endOnFailure: true },
  );
});

test('a process that does not come on holds back what all are called', async () => {
  const site = await Site.make();
  site.board.serve();
  site.assign([[0], [0], [0], [1]]);
  await site.ingest(100);
  await site.whole();
  site.members[1].life = 'dead';
  const diedAt = Date.now();
  const { applied } = site.members[0].writer.outcomes;
  await site.ingest(100);
  await site.engine.run(Number.POSITIVE_INFINITY);
  await site.engine.checkpoint();
  await until(() => site.members[0].writer.outcomes.applied > applied);
  const { calls } = site.members[0];
  await until(() => site.members[0].calls >= calls + 10);
  expect(site.board.told.freshUntil).toBeLessThanOrEqual(diedAt);
  site.assign([[0], [0], [0], [0]]);
  await site.whole();
});

test('two that believe to have a share do no harm, and continue when one of them has it', async () => {
  const site = await Site.make();
  site.board.serve();
  site.assign([[0, 1], [0, 1], [0, 1, 2], [2]]);
  for (let i = 0; i < 10; i += 1) {
    await site.ingest(30);
    await site.engine.run(10);
    await site.engine.checkpoint();
    await site.honest();
    await turns(50);
  }
  site.assign([[0], [1], [2], [2]]);
  await site.whole();
});

test('nothing is written before the process that serves has opened the store, which is reported once', async () => {
  const site = await Site.make();
  site.assign([[0], [0], [0], [0]]);
  await site.ingest(20);
  await site.engine.run(20);
  await until(() => site.faults.length > 0);
  const { calls } = site.members[0];
  await until(() => site.members[0].calls >= calls + 10);
  expect(site.faults).toHaveLength(1);
  expect(site.faults[0]).toContain('not open for processes that write the tiles');
  expect(KEYS.map((key) => eventsOf(site.runsOf(key)[0]))).toEqual([0, 0, 0]);
  site.board.serve();
  await site.whole();
});
