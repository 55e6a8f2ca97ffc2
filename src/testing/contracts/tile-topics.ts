import { compareText } from '../../base/text-order.ts';
import {
  count,
  entity,
  eventSource,
  int64,
  last,
  nullable,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../features/define/declare.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { type KeyRuns, SourceEngine } from '../../features/engine/stream-engine.ts';
import { COUNT, START, type TileLayout, tileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun } from '../../features/tile/tile-run.ts';
import { equalTiles, upsertTile } from '../../features/tile/upsert.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileTopics } from '../../ports/tile-topics.ts';
import { type Contract, mustEqual } from './contract.ts';

/** The subject: an engine that computes tiles from a log, and the topics that it writes. */
export interface TileTopicsSubject {
  /** Begins it over a log that has nothing yet, for views of one source. */
  begin(layouts: readonly TileLayout[], partitions: number): Promise<TileEngine>;
}

/** An engine that runs. */
export interface TileEngine {
  readonly topics: TileTopics;
  /** Epoch ms by the clock of who judges deliveries. */
  readonly now: number;
  /** Appends deliveries to a partition of the log. */
  append(partition: number, deliveries: readonly Delivery[]): Promise<void>;
  /** How many deliveries of the log lie behind where the engine says it stands; throws where it has ended. */
  behind(): Promise<number>;
  /** Ends it without a word, as a failure does, and begins it again. */
  interrupt(): Promise<void>;
  close(): Promise<void>;
}

const PARTITIONS = 2;
const USERS = ['ann', 'bob', 'é|"', '', '名前🙂', 'a\\b'];
const MINUTE_MS = 60_000;
const POLL_MS = 100;

/** An engine that runs has written within, ms. */
const WAIT_MS = 60_000;

/** An engine without progress for this long has stopped, ms. */
const STANDS_MS = 120_000;

const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), price: int64(), item: nullable(text()) },
});
const layouts = [
  streamView('spend', {
    source: purchases,
    entity: entity('user', { user: text() }),
    key: { user: 'user' },
    windows: ['1h', '1d'],
    freshness: '5s',
    features: ({ price, item }) => ({ n: count(), spent: sum(price), last_item: last(item), items: topK(item, 2) }),
  }),
  streamView('sold', {
    source: purchases,
    entity: entity('item', { item: text() }),
    key: { item: 'item' },
    windows: ['1h'],
    freshness: '5s',
    features: ({ price }) => ({ n: count(), spent: sum(price) }),
  }),
].map(tileLayout);

/** The rules of `ports/tile-topics.ts`. */
export const tileTopicsContracts: readonly Contract<TileTopicsSubject>[] = [
  {
    // And 2 and 6: an engine is long in beginning.
    rule: 1,
    name: 'a read returns the tiles from a position, those of a key in write order, always with the last one',
    needs: [],
    run: async (subject) => {
      const engine = await subject.begin(layouts, PARTITIONS);
      const log = new Deliveries(engine);
      await log.append(60);
      await caughtUp(engine);
      const { begins } = await engine.topics.ends();
      const first = await readAll(engine.topics, begins);
      await log.append(60);
      await caughtUp(engine);
      const rest = await readAll(engine.topics, first.next);
      mustNotFall([...first.tiles, ...rest.tiles]);
      mustBe([...first.tiles, ...rest.tiles], log, 'the tiles of both reads');
      const { ends } = await engine.topics.ends();
      mustEqual(reaches(rest.next, ends), true, 'whether the last read reached the ends');
      const { next } = await engine.topics.read(begins, 0, [0]);
      for (const [topic, offsets] of Object.entries(begins))
        mustEqual(next[topic].slice(1), offsets.slice(1), 'where a read of the first partitions is in the others');
      await engine.close();
    },
  },
  {
    rule: 3,
    name: 'after a failure the tiles are those of all events, each once',
    needs: [],
    run: async (subject) => {
      const engine = await subject.begin(layouts, PARTITIONS);
      const log = new Deliveries(engine);
      await log.append(120);
      await caughtUp(engine);
      await log.append(60);
      await engine.interrupt();
      await log.append(120);
      await caughtUp(engine);
      await mustHave(engine, log, 'the tiles behind the failure');
      await engine.close();
    },
  },
  {
    // And 5.
    rule: 4,
    name: 'the topics have all tiles before the position of the engine; a waiting read returns new tiles',
    needs: [],
    run: async (subject) => {
      const engine = await subject.begin(layouts, PARTITIONS);
      const log = new Deliveries(engine);
      for (let round = 0; round < 4; round += 1) {
        await log.append(40);
        await caughtUp(engine);
        await mustHave(engine, log, `the tiles of round ${round}`);
      }
      const { next } = await readAll(engine.topics, (await engine.topics.ends()).begins);
      const waiting = engine.topics.read(next, WAIT_MS);
      await log.append(20);
      mustEqual((await waiting).tiles.length > 0, true, 'whether a read that waited gave a tile');
      await engine.close();
    },
  },
];

/** Deliveries as they come, some late and some again with other content, and the tiles that they make. */
class Deliveries {
  readonly #engine: TileEngine;
  readonly #made = new Map<TileLayout, Map<string, KeyRuns>>(layouts.map((layout) => [layout, new Map()]));
  readonly #source: SourceEngine<KeyRuns>;
  readonly #ages = new Map<string, number>();
  #sent = 0;

  constructor(engine: TileEngine) {
    this.#engine = engine;
    this.#source = new SourceEngine(purchases, layouts, {
      tilesOf: (layout, key) => runsIn(this.#made, layout, key),
      changed: () => undefined,
    });
  }

  get made(): ReadonlyMap<TileLayout, ReadonlyMap<string, KeyRuns>> {
    return this.#made;
  }

  async append(amount: number): Promise<void> {
    const all = Array.from({ length: amount }, (_, i) => this.#at(this.#sent + i));
    this.#sent += amount;
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      // One id is always on one partition.
      const own = all.filter(({ id }) => Number(id.slice(1)) % PARTITIONS === partition);
      for (const delivery of own) this.#source.apply(delivery, partition);
      await this.#engine.append(partition, own);
    }
  }

  #at(i: number): Delivery {
    const { now } = this.#engine;
    const again = i > 20 && i % 11 === 10;
    const id = `e${again ? i - 20 : i}`;
    const age = this.#ages.get(id) ?? (i % 13 === 12 ? 45 * MINUTE_MS : (i * 7_919_000) % (25 * MINUTE_MS));
    this.#ages.set(id, age);
    const ts = now - age;
    const item = i % 5 === 4 ? null : `item ${i % 3} 名`;
    return { id, ts, ingestTs: now, row: [id, ts, USERS[i % USERS.length], 2n ** 50n + BigInt(i), item] };
  }
}

function runsIn(of: Map<TileLayout, Map<string, KeyRuns>>, layout: TileLayout, key: string): KeyRuns {
  const keys = of.get(layout) ?? new Map<string, KeyRuns>();
  of.set(layout, keys);
  const found = keys.get(key) ?? { runs: layout.view.hopsMs.map(() => emptyRun(layout)) };
  keys.set(key, found);
  return found;
}

/** Waits until the engine is at the end of the log. */
async function caughtUp(engine: TileEngine): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let waited = 0; waited < STANDS_MS; waited += POLL_MS) {
    const behind = await engine.behind();
    if (behind === 0) return;
    if (behind < least) waited = 0;
    least = Math.min(least, behind);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the engine stands ${least} deliveries before the end of the log, for ${STANDS_MS / 1_000} s`);
}

async function readAll(topics: TileTopics, from: Position): Promise<{ tiles: readonly TileWrite[]; next: Position }> {
  const { ends } = await topics.ends();
  const tiles: TileWrite[] = [];
  let next = from;
  while (!reaches(next, ends)) {
    const batch = await topics.read(next);
    if (!reaches(batch.next, next)) throw new Error('a read gave an earlier position than it began at');
    tiles.push(...batch.tiles);
    next = batch.next;
    if (!batch.hasMore) break;
  }
  return { tiles, next };
}

function reaches(position: Position, ends: Position): boolean {
  return Object.entries(ends).every(([topic, offsets]) =>
    offsets.every((end, p) => (position[topic]?.[p] ?? 0) >= end),
  );
}

async function mustHave(engine: TileEngine, log: Deliveries, what: string): Promise<void> {
  const { begins } = await engine.topics.ends();
  mustBe((await readAll(engine.topics, begins)).tiles, log, what);
}

/** Throws where a later tile of a key has fewer events than an earlier one. */
function mustNotFall(tiles: readonly TileWrite[]): void {
  const newest = new Map<string, number>();
  for (const { layout, hopMs, key, run, index } of tiles) {
    const at = index * layout.numbers;
    const place = JSON.stringify([layout.viewId, hopMs, key, run.nums[at + START]]);
    const [before, now] = [newest.get(place) ?? 0, run.nums[at + COUNT]];
    if (now < before) throw new Error(`a tile of ${place} with ${now} events stands behind one with ${before}`);
    newest.set(place, now);
  }
}

/** Throws unless the newest tiles are those that the deliveries make. */
function mustBe(tiles: readonly TileWrite[], { made }: Deliveries, what: string): void {
  const told = new Map<TileLayout, Map<string, KeyRuns>>();
  for (const { layout, hopMs, key, run, index } of tiles)
    upsertTile(layout, runsIn(told, ownLayout(layout), key).runs[layout.view.hopsMs.indexOf(hopMs)], run, index);
  for (const [layout, keys] of made) {
    const found = told.get(layout) ?? new Map<string, KeyRuns>();
    mustEqual(
      [...found.keys()].sort(compareText),
      [...keys.keys()].sort(compareText),
      `${what}: keys of ${layout.view.name}`,
    );
    for (const [key, { runs }] of keys)
      for (const [hop, run] of runs.entries()) {
        const place = `${what}: ${layout.view.name}, key ${JSON.stringify(key)}, hop ${layout.view.hopsMs[hop]} ms`;
        const held = runsIn(told, layout, key).runs[hop];
        const counts = (of: typeof run) =>
          Array.from({ length: of.length }, (_, i) => [
            of.nums[i * layout.numbers + START],
            of.nums[i * layout.numbers + COUNT],
          ]);
        mustEqual(counts(held), counts(run), `${place}: starts and events`);
        for (let i = 0; i < run.length; i += 1)
          if (!equalTiles(layout, held, i, run, i)) throw new Error(`${place}: tile ${i} has other content`);
      }
  }
}

/** Readers may create their own layout. */
function ownLayout({ viewId }: TileLayout): TileLayout {
  const found = layouts.find((layout) => layout.viewId === viewId);
  if (found === undefined) throw new Error(`there are tiles of a view ${viewId}, which was not asked for`);
  return found;
}
