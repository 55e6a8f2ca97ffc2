import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ServedRelay } from '../../src/cli/serve/served-relay.ts';
import type { ToWorker } from '../../src/cli/serve/worker-part.ts';
import { EarlyDeliveries } from '../../src/featurestore/materialise/early-deliveries.ts';
import { SampledRows, SampleRoom } from '../../src/featurestore/skew/sampled-rows.ts';
import { ServedPublisher } from '../../src/featurestore/skew/served-publisher.ts';
import { WaitingRows } from '../../src/monitoring/labels/waiting-rows.ts';
import type { TableAppend } from '../../src/ports/offline-store.ts';
import { PredictionLink } from '../../src/server/workers/prediction-link.ts';
import { openPredictionServer } from '../../src/server/workers/prediction-server.ts';
import { ShadowQueue } from '../../src/serving/rollout/shadow-queue.ts';
import { visits } from '../featurestore/visits-site.ts';
import { until } from '../until.ts';

/** A queue between producers and a consumer that is stalled until `resume`. */
interface Stalled {
  /** The most that it holds, in its own unit, and what one item takes of it. */
  readonly most: number;
  readonly item: number;
  /** Offers an item. */
  offer(item: number): void;
  held(): number;
  /** Items that were refused, dropped, or left to the log: counted by the queue. */
  turnedAway(): number;
  /** Resolves when the first offers are in the queue, where that takes a while. */
  readonly settled?: () => Promise<unknown>;
  /** Lets the consumer continue; resolves to the items that it received, once nothing waits. */
  resume(): Promise<readonly number[]>;
}

const ITEMS = 400;
const TABLE = { name: 'sampled', columns: { item: 'BIGINT', text: 'STRING' } } as const;
const TEXT = 'x'.repeat(60);
const ROW_BYTES = 12 + 40 + 60;

const table = (items: readonly number[]): TableAppend => ({
  table: TABLE,
  rows: items.length,
  columns: [items, items.map(() => TEXT)],
});
const itemsOf = (tables: readonly TableAppend[]): readonly number[] =>
  tables.flatMap(({ columns: [items = []] }) => [...items].map(Number));

/** A gate at which consumers wait. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

const queues: Readonly<Record<string, () => Promise<Stalled>>> = {
  'sampled rows': async () => {
    const room = new SampleRoom(100 * ROW_BYTES);
    const tables = [new SampledRows(TABLE, room), new SampledRows(TABLE, room)];
    return {
      most: room.mostBytes,
      item: ROW_BYTES,
      offer: (item) => void tables[item % 2]?.add([item, TEXT]),
      held: () => room.bytes,
      turnedAway: () => room.report().turnedAway,
      resume: async () => itemsOf(tables.map((rows) => rows.drain())).toSorted((a, b) => a - b),
    };
  },
  'rows on their way to the history': async () => {
    const { opened, open } = gate();
    const received: number[] = [];
    const publisher = new ServedPublisher(
      {
        publish: async ({ tables }) => {
          await opened;
          received.push(...itemsOf(tables));
        },
      },
      100 * ROW_BYTES,
    );
    return {
      most: 100 * ROW_BYTES,
      item: ROW_BYTES,
      offer: (item) => publisher.keep([table([item])]),
      held: () => publisher.waitingBytes,
      turnedAway: () => publisher.lost,
      resume: async () => {
        open();
        await publisher.publish([]);
        return received;
      },
    };
  },
  'copies for the shadow': async () => {
    const { opened, open } = gate();
    const received: number[] = [];
    let dropped = 0;
    let begun = 0;
    const shadow = new ShadowQueue<number>({
      run: async (copies) => {
        begun += copies.length;
        await opened;
        received.push(...copies);
      },
      isBusy: () => false,
      monotonic: () => 0,
    });
    let offered = 0;
    const SOME = 8;
    return {
      most: 1_024 + 16,
      item: SOME,
      offer: (item) => {
        offered += SOME;
        dropped += shadow.offer(Array.from({ length: SOME }, (_, i) => item * SOME + i));
      },
      held: () => offered - dropped - received.length,
      turnedAway: () => dropped / SOME,
      settled: () => until(() => begun > 0),
      resume: async () => {
        open();
        await shadow.settled();
        return received.filter((copy) => copy % SOME === 0).map((copy) => copy / SOME);
      },
    };
  },
  'predictions to the writer': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headrace-queues-'));
    const path = join(folder, 'writer');
    const { opened, open } = gate();
    const received: number[] = [];
    const server = await openPredictionServer({
      path,
      append: async ({ predictions }) => {
        await opened;
        received.push(...predictions.map(({ version }) => version));
      },
    });
    const link = new PredictionLink({
      path,
      mostBytes: 20_400,
      follow: async () => undefined,
      onFault: () => undefined,
    });
    onTestFinished(async () => {
      link.close();
      await server.close();
      rmSync(folder, { recursive: true });
    });
    const answers: Promise<unknown>[] = [];
    const ages = { streaming: 1, batch: null };
    return {
      most: 20_400,
      item: 204,
      offer: (item) => {
        const prediction = { id: 'p000', version: item, score: 0.5, at: 1_000, ages, missing: 0 };
        answers.push(link.append('risk', [prediction]).catch((error: { readonly code: string }) => error.code));
      },
      held: () => link.queue().bytes,
      turnedAway: () => link.queue().turnedAway,
      resume: async () => {
        open();
        const codes = (await Promise.all(answers.splice(0))).filter((code) => code !== undefined);
        expect(new Set(codes)).toEqual(new Set(codes.length === 0 ? [] : ['SERVER_WRITER']));
        return received;
      },
    };
  },
  'rows that the first process relays': async () => {
    const received: number[] = [];
    const sent: (() => void)[] = [];
    const returned: ToWorker[] = [];
    let held = 0;
    let isStalled = true;
    const writer = {
      isConnected: () => true,
      send: (message: ToWorker, done: () => void) => {
        if (message.kind !== 'served') return;
        held += itemsOf(message.tables).length;
        const taken = () => {
          const items = itemsOf(message.tables);
          held -= items.length;
          received.push(...items);
          done();
        };
        if (isStalled) sent.push(taken);
        else taken();
      },
    };
    const relay = new ServedRelay(100);
    return {
      most: 100,
      item: 1,
      offer: (item) =>
        relay.relay({ kind: 'served', tables: [table([item])], profiles: [] }, writer, (message) => {
          returned.push(message);
        }),
      held: () => held,
      turnedAway: () => returned.length,
      resume: async () => {
        isStalled = false;
        for (const taken of sent.splice(0)) taken();
        return received;
      },
    };
  },
  'deliveries that come early': async () => {
    let left = 0;
    const early = new EarlyDeliveries(20_000);
    return {
      most: 20_000,
      item: 300,
      offer: (item) => {
        const before = early.rows;
        early.add({
          source: visits,
          partition: 0,
          offset: item,
          deliveries: [{ id: `e${item}`, ts: 1, ingestTs: 1, row: [TEXT, 1, TEXT] }],
          verdicts: ['accepted'],
          firsts: new Map(),
        });
        if (early.rows === before) left += 1;
      },
      held: () => early.bytes,
      turnedAway: () => left,
      resume: async () => {
        const { kept, leftTo } = early.drain();
        if (kept.length > 1) expect(leftTo.get('visits')).toEqual([ITEMS]);
        return kept.map(({ offset }) => offset);
      },
    };
  },
  'rows that wait for the join of the past': async () => {
    const rows = new WaitingRows<number>(100);
    let offered = 0;
    return {
      most: 100,
      item: 1,
      offer: (item) => {
        offered += 1;
        rows.add(0, item, item);
      },
      held: () => rows.length,
      turnedAway: () => offered - rows.length,
      resume: async () => {
        offered -= rows.length;
        return rows.drain();
      },
    };
  },
};

test.each(Object.entries(queues))(
  'while the consumer is stalled, %s are bounded, those beyond it are counted, and each accepted one arrives once',
  async (_, open) => {
    const queue = await open();
    queue.offer(0);
    await queue.settled?.();
    let most = queue.held();
    for (let item = 1; item < ITEMS; item += 1) {
      queue.offer(item);
      most = Math.max(most, queue.held());
    }
    const turnedAway = queue.turnedAway();
    expect(turnedAway).toBeGreaterThan(0);
    expect(turnedAway).toBeLessThan(ITEMS);
    expect(most).toBeLessThanOrEqual(queue.most + queue.item);
    const received = await queue.resume();
    expect(received).toHaveLength(ITEMS - turnedAway);
    expect(received).toEqual([...new Set(received)].toSorted((a, b) => a - b));
    expect(queue.held()).toBe(0);
    // There is room again.
    const before = received.length;
    queue.offer(ITEMS);
    const again = await queue.resume();
    expect(again.at(-1)).toBe(ITEMS);
    expect([1, before + 1]).toContain(again.length);
  },
);
