import type { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import type { MemoryTileTopics } from '../../src/backends/memory/tile-topics.ts';
import { count, entity, eventSource, int, streamView, sum, text, time } from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { COUNT, START, type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { appendTile, emptyRun, lowerBound, type TileRun } from '../../src/features/tile/tile-run.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';

const MINUTE_MS = 60_000;
export const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), ms: int() },
});
export const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
export const layout = tileLayout(byUser);
export const USERS = ['ann', 'bob', 'cy'];
export const PARTITIONS = 2;

/** An engine as Flink is one: reads the log, writes changed tiles to topics, goes back to its last checkpoint when it dies. */
export class OtherEngine {
  readonly #log: MemoryEventLog;
  readonly #topics: MemoryTileTopics;
  #checkpoint: readonly Delivery[][] = Array.from({ length: PARTITIONS }, () => []);
  #read = this.#checkpoint.map((deliveries) => [...deliveries]);

  constructor(log: MemoryEventLog, topics: MemoryTileTopics) {
    this.#log = log;
    this.#topics = topics;
  }

  /** Takes up to this many further deliveries of each partition and writes the tiles that they change. */
  async run(most: number): Promise<void> {
    const before = this.tiles();
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const from = this.#read.map(({ length }) => length);
      await readDeliveries(this.#log, clicks, rowCodec(clicks.columns), from, (p, _, found) => {
        if (p === partition) this.#read[partition].push(...found.slice(0, most));
      });
    }
    for (const [key, runs] of this.tiles())
      runs.forEach((run, hop) => {
        for (let index = 0; index < run.length; index += 1) {
          const start = run.nums[index * layout.numbers + START];
          const known = before.get(key)?.[hop];
          const at = known === undefined ? 0 : lowerBound(known, layout, start) * layout.numbers;
          const same = known !== undefined && known.nums[at + START] === start && at < known.length * layout.numbers;
          if (same && known.nums[at + COUNT] === run.nums[index * layout.numbers + COUNT]) continue;
          this.#topics.write([tileOf(layout, hop, key, run, index)]);
        }
      });
  }

  async checkpoint(): Promise<void> {
    this.#checkpoint = this.#read.map((deliveries) => [...deliveries]);
    await this.#log.commit(
      this.#topics.engine,
      topicOf(clicks),
      this.#checkpoint.map(({ length }) => length),
    );
  }

  /** Dies, and reads the partitions again from its checkpoint. */
  die(): void {
    this.#read = this.#checkpoint.map((deliveries) => [...deliveries]);
  }

  /** The tiles of what it has read, by key and hop. */
  tiles(): ReadonlyMap<string, readonly TileRun[]> {
    const keys = new Map<string, { runs: TileRun[] }>();
    const engine = new SourceEngine<{ runs: TileRun[] }>(clicks, [layout], {
      tilesOf: (_, key) => {
        const known = keys.get(key) ?? { runs: byUser.hopsMs.map(() => emptyRun(layout)) };
        keys.set(key, known);
        return known;
      },
      changed: () => undefined,
    });
    this.#read.forEach((deliveries, partition) => {
      for (const delivery of deliveries) engine.apply(delivery, partition);
    });
    return new Map([...keys].map(([key, { runs }]) => [key, runs]));
  }
}

function tileOf(of: TileLayout, hop: number, key: string, from: TileRun, index: number): TileWrite {
  const run = emptyRun(of);
  appendTile(of, run, from, index);
  return { layout: of, hopMs: byUser.hopsMs[hop], key, run, index: 0 };
}

let ids = 0;

/** Events of the last half hour. */
export function events(count: number): readonly unknown[] {
  return Array.from({ length: count }, () => {
    ids += 1;
    return { id: `e${ids}`, at: Date.now() - ((ids * 7_919) % (29 * MINUTE_MS)), user: USERS[ids % 3], ms: ids % 97 };
  });
}
