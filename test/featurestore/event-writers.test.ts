import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { ByteWriter } from '../../src/base/bytes.ts';
import {
  count,
  entity,
  eventSource,
  int,
  lastN,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { topicOf } from '../../src/features/define/topic-of.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { encodeTile } from '../../src/features/tile/tile-codec.ts';
import { COUNT, type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { Gateway } from '../../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { EventWriter } from '../../src/featurestore/materialise/event-writer.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import type { SharedAddition, TileShares } from '../../src/ports/tile-shares.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { MemoryShares } from '../memory/tile-shares.ts';
import { runs } from '../runs.ts';
import { turns, until } from '../until.ts';

const MINUTE_MS = 60_000;
const SHARES = 4;
const WRITERS = 3;
/** Rounds of all processes in a step. */
const ROUNDS = 12;

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), friend: text(), page: text(), ms: int() },
});
const user = entity('user', { user: text() });
const byUser = streamView('by_user', {
  source: clicks,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ ms, page }) => ({ n: count(), ms: sum(ms), recent: lastN(page, 3) }),
});
/** An event changes two keys of one entity. */
const byFriend = streamView('by_friend', {
  source: clicks,
  entity: user,
  key: { user: 'friend' },
  windows: ['1h'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
const byPage = streamView('by_page', {
  source: clicks,
  entity: entity('page', { page: text() }),
  key: { page: 'page' },
  windows: ['1h'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
const layouts = [byUser, byFriend, byPage].map(tileLayout);
const TOPIC = topicOf(clicks);

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/**
 * What becomes of a process. `dead`: nothing that it calls works. `cut`, `half`: it dies when it has written all, or a half, of its next
 * additions. `paused`: it stops before its next additions, and makes them when it wakes.
 */
type Life = 'lives' | 'dead' | 'cut' | 'half' | 'paused';

interface Member {
  readonly writer: EventWriter;
  life: Life;
  /** What it believes to have. */
  shares: readonly number[];
  wake: PromiseWithResolvers<void>;
}

class Site {
  readonly log: MemoryEventLog;
  readonly store = new MemoryOnlineStore();
  readonly board = new MemoryShares(this.store, SHARES);
  readonly members: Member[] = [];
  readonly faults: string[] = [];
  readonly #gateway: Gateway;
  readonly #clock: { aheadMs: number };
  /** Ids of events that came at ingest times that were over. */
  readonly #setBack = new Set<string>();
  /** Keys that another process wrote since they were read. */
  left = 0;
  readonly #sleepers: Member[] = [];
  #ids = 0;
  #rounds = 0;

  private constructor(log: MemoryEventLog, gateway: Gateway, clock: { aheadMs: number }) {
    this.log = log;
    this.#gateway = gateway;
    this.#clock = clock;
  }

  static async make(): Promise<Site> {
    const log = new MemoryEventLog();
    const clock = { aheadMs: 0 };
    const nothing = () => undefined;
    const rest = { partitions: SHARES, clock: () => Date.now() + clock.aheadMs, listener: () => [], refused: nothing };
    const gateway = await Gateway.open({ log, sources: [clicks], rowsOf: sourceRows({}, 'compact'), ...rest });
    const site = new Site(log, gateway, clock);
    for (let i = 0; i < WRITERS; i += 1) site.start(i);
    return site;
  }

  /** Starts the process of a place; who was there has died. */
  start(place: number): void {
    const before = this.members[place];
    const shares = before?.shares ?? [];
    if (before !== undefined) {
      // One that sleeps makes its current additions when it wakes; its lease is over by then.
      before.life = before.life === 'paused' ? 'paused' : 'dead';
      before.shares = [];
    }
    const own: { member: Member | null } = { member: null };
    const writer = new EventWriter({
      log: this.log,
      shares: mortal(this, () => own.member),
      group: { shares: async () => this.#sharesOf(own.member), close: async () => undefined },
      sources: [clicks],
      layouts,
      rowsOf: sourceRows({}, 'compact'),
      clock: Date.now,
      lookEveryMs: 1,
      onFault: (error) => this.faults.push(String(error)),
    });
    own.member = { writer, shares, life: 'lives', wake: Promise.withResolvers() };
    this.#sleepers.push(own.member);
    this.members[place] = own.member;
    const { member } = own;
    ending.push(() => {
      member.wake.resolve();
      return member.writer.close();
    });
  }

  #sharesOf(member: Member | null): readonly number[] {
    this.#rounds += 1;
    return member?.shares ?? [];
  }

  /** Lets the processes that live and have shares work for some rounds. */
  async rounds(): Promise<void> {
    const before = this.#rounds;
    const works = ({ life, shares }: Member) => life === 'lives' && shares.length > 0;
    await until(() => this.#rounds >= before + ROUNDS || !this.members.some(works));
  }

  /** Wakes all that sleep, those too that have been replaced. */
  wakeAll(): void {
    for (const { wake } of this.#sleepers) wake.resolve();
  }

  /** Events of few users, some of which come again with another content, or late. */
  async ingest(events: number): Promise<void> {
    const now = Date.now() + this.#clock.aheadMs;
    const made = Array.from({ length: events }, () => {
      this.#ids += 1;
      const n = this.#ids;
      const id = n % 7 === 6 ? n - 5 : n;
      const age = n % 13 === 12 ? 45 * MINUTE_MS : (n * 7_919) % (29 * MINUTE_MS);
      return {
        id: `e${id}`,
        at: now - age,
        user: `u${n % 5}`,
        friend: `u${Math.floor(n / 3) % 5}`,
        page: `p${(n * 3) % 4}`,
        ms: (n * 31) % 97,
      };
    });
    if (this.#clock.aheadMs < 0) for (const { id } of made) this.#setBack.add(id);
    await this.#gateway.ingest(clicks, made);
  }

  leap(aheadMs: number): void {
    this.#clock.aheadMs = aheadMs;
  }

  /** Gives each share to one, or for a moment to several. */
  assign(owners: readonly (readonly number[])[]): void {
    this.members.forEach((member, place) => {
      member.shares = owners.flatMap((of, share) => (of.includes(place) ? [share] : []));
    });
  }

  /** The tiles of the whole log, or of what came before an instant by a clock that was not set back: by view and key, and hop. */
  async expected(before = Number.POSITIVE_INFINITY): Promise<ReadonlyMap<string, readonly TileRun[]>> {
    const keys = new Map<string, { runs: TileRun[] }>();
    const engine = new SourceEngine<{ runs: TileRun[] }>(clicks, layouts, {
      tilesOf: (layout, key) => {
        const known = keys.get(nameOf(layout, key)) ?? { runs: layout.view.hopsMs.map(() => emptyRun(layout)) };
        keys.set(nameOf(layout, key), known);
        return known;
      },
      changed: () => undefined,
    });
    const from = Array.from({ length: SHARES }, () => 0);
    const all: (readonly [number, Delivery])[] = [];
    const take = (partition: number, _: number, found: readonly Delivery[]) =>
      void all.push(...found.map((delivery) => [partition, delivery] as const));
    await readDeliveries(this.log, clicks, rowCodec(clicks.columns), from, take);
    for (const [partition, delivery] of all) {
      const counts = before === Number.POSITIVE_INFINITY || !this.#setBack.has(delivery.id);
      if (counts && delivery.ingestTs < before) engine.apply(delivery, partition);
    }
    return new Map([...keys].map(([name, { runs: made }]) => [name, made]));
  }

  /** The tiles of the store. */
  stored(names: Iterable<string>): ReadonlyMap<string, readonly TileRun[]> {
    return new Map(
      [...names].map((name) => {
        const layout = layoutOf(name);
        const key = name.slice(layout.viewId.length + 1);
        const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
        return [name, this.store.readTiles(layout.view.hopsMs.map((hopMs) => ({ layout, hopMs, key, ...all })))];
      }),
    );
  }

  /** Tiles that are called fresh until an instant have all events that came before it, and no tile has an event twice. */
  async honest(): Promise<void> {
    const whole = await this.expected();
    const stored = this.stored(whole.keys());
    for (const [name, made] of whole)
      expect(eventsOf(name, stored.get(name))).toBeLessThanOrEqual(eventsOf(name, made));
    const { degraded, freshUntil } = this.board.told;
    if (degraded || freshUntil === Number.NEGATIVE_INFINITY || this.#clock.aheadMs !== 0) return;
    for (const [name, made] of await this.expected(freshUntil))
      expect(eventsOf(name, stored.get(name))).toBeGreaterThanOrEqual(eventsOf(name, made));
  }

  /** Waits until the store has the tiles of all events, and says that it is fresh and whole. */
  async whole(): Promise<void> {
    const since = Date.now();
    await until(() => this.board.told.freshUntil >= since && !this.board.told.degraded);
    const made = await this.expected();
    const stored = this.stored(made.keys());
    for (const [name, tiles] of made) expect(bytesOf(name, stored.get(name))).toEqual(bytesOf(name, tiles));
  }
}

/** The store as a process has it that may die or stop at any time. */
function mortal(site: Site, member: () => Member | null): TileShares {
  const shares = site.board.open();
  const mustLive = () => {
    if (member()?.life === 'dead') throw new Error('it is dead');
  };
  const dies = (): never => {
    const own = member();
    if (own !== null) own.life = 'dead';
    throw new Error('it has died amid a write');
  };
  const add = async (additions: readonly SharedAddition[], from: Parameters<TileShares['add']>[1]) => {
    const own = member();
    if (own?.life === 'paused') await own.wake.promise;
    if (own?.life === 'half') {
      await shares.add(additions.slice(0, Math.ceil(additions.length / 2)), from);
      return dies();
    }
    const left = await shares.add(additions, from);
    site.left += left?.length ?? 0;
    return own?.life === 'cut' ? dies() : left;
  };
  const living =
    <A extends readonly unknown[], T>(call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      mustLive();
      return call(...args);
    };
  return {
    take: living(shares.take),
    load: living(async (keys) => {
      const found = await shares.load(keys);
      // Others write meanwhile.
      await turns(1);
      return found;
    }),
    add: living(add),
    write: living(shares.write),
    close: async () => undefined,
  };
}

function nameOf({ viewId }: TileLayout, key: string): string {
  return `${viewId} ${key}`;
}

function layoutOf(name: string): TileLayout {
  return layouts.find(({ viewId }) => name.startsWith(`${viewId} `)) ?? layouts[0];
}

function eventsOf(name: string, made: readonly TileRun[] | undefined): number {
  const { numbers } = layoutOf(name);
  const [{ nums, length }] = made ?? [emptyRun(layoutOf(name))];
  return Array.from({ length }, (_, i) => nums[i * numbers + COUNT]).reduce((all, n) => all + n, 0);
}

/** Every tile as stores encode it. */
function bytesOf(name: string, made: readonly TileRun[] | undefined): readonly string[] {
  const layout = layoutOf(name);
  return (made ?? []).flatMap((run, hop) =>
    Array.from({ length: run.length }, (_, i) => {
      const writer = new ByteWriter(1_024);
      encodeTile(writer, layout, layout.view.hopsMs[hop], run, i);
      return Buffer.from(writer.view()).toString('hex');
    }),
  );
}

const place = fc.integer({ min: 0, max: WRITERS - 1 });
const anyOwners = fc.array(fc.uniqueArray(place, { maxLength: 2 }), { minLength: SHARES, maxLength: SHARES });
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('ingest' as const), events: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('dead' as const, 'cut' as const, 'half' as const, 'paused' as const),
      place,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('start' as const, 'wake' as const), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('leap' as const),
      aheadMs: fc.constantFrom(0, 20 * MINUTE_MS, -5 * MINUTE_MS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('assign' as const), owners: anyOwners }) },
);

test('whoever has the shares, dies, sleeps or is fenced, and whatever is lost, tiles are those of the log, each event once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 8, maxLength: 20 }), async (steps) => {
      const site = await Site.make();
      site.board.serve();
      site.assign([[0], [1], [2], [0]]);
      for (const step of steps) {
        const member = 'place' in step ? site.members[step.place] : site.members[0];
        if (step.do === 'ingest') await site.ingest(step.events);
        else if (step.do === 'assign') site.assign(step.owners);
        else if (step.do === 'leap') site.leap(step.aheadMs);
        else if (step.do === 'lose') site.board.lose();
        else if (step.do === 'start') site.start(step.place);
        else if (step.do === 'wake') member.wake.resolve();
        else {
          member.life = step.do;
          await site.ingest(30);
        }
        await site.rounds();
        await site.honest();
        // The process that serves has noticed the loss.
        if (step.do === 'lose') site.board.serve();
      }
      for (let i = 0; i < WRITERS; i += 1) site.start(i);
      site.assign([[0], [1], [2], [1]]);
      await site.whole();
      // Those that slept make their additions now.
      site.wakeAll();
      await site.ingest(20);
      await site.whole();
      await site.honest();
      for (const end of ending.splice(0).reverse()) await end();
    }),
    { numRuns: runs(8, 100), endOnFailure: true },
  );
});

test.each(['cut', 'half'] as const)(
  'a process that dies with its additions %s made leaves no event twice, and none out',
  async (life) => {
    const site = await Site.make();
    site.board.serve();
    site.assign([[0], [0], [0], [0]]);
    await site.ingest(50);
    await site.whole();
    site.members[0].life = life;
    await site.ingest(200);
    await until(() => site.members[0].life === 'dead');
    site.assign([[1], [1], [2], [2]]);
    await site.whole();
  },
);

test('a process that sleeps over the end of its lease adds nothing to the keys of the next one', async () => {
  const site = await Site.make();
  site.board.serve();
  site.assign([[0], [0], [0], [0]]);
  site.members[0].life = 'paused';
  await site.ingest(200);
  site.assign([[1], [1], [2], [2]]);
  await site.whole();
  await site.ingest(200);
  site.wakeAll();
  await site.whole();
});

test('two that add to the same keys at once lose no event, and write again what the other wrote in between', async () => {
  const site = await Site.make();
  site.board.serve();
  site.assign([[0], [0], [1], [1]]);
  for (let i = 0; i < 20; i += 1) await site.ingest(100);
  await site.whole();
  expect(site.left).toBeGreaterThan(0);
  expect(site.faults).toEqual([]);
});

test('nothing is written before the process that serves has opened the store, which is reported once', async () => {
  const site = await Site.make();
  site.assign([[0], [0], [0], [0]]);
  await site.ingest(20);
  await until(() => site.faults.length > 0);
  expect(site.faults).toHaveLength(1);
  expect(site.faults[0]).toContain('not open for processes that write the tiles');
  site.board.serve();
  await site.whole();
});

test('a share whose place is after the end of the log is refused with a code', async () => {
  const site = await Site.make();
  site.board.serve();
  site.assign([[0], [], [], []]);
  await site.ingest(40);
  await until(() => (site.board.places()[0]?.[TOPIC] ?? 0) > 0);
  const taken = site.board.open();
  await taken.take([0], false);
  const places = new Map([[0, { [TOPIC]: 1_000 }]]);
  await taken.write({ tiles: [], places, freshUntil: null, now: 0, isWhole: false });
  await until(() => site.faults.some((fault) => fault.includes('and the log ends at')));
});
