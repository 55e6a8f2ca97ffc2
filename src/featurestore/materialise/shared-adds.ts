import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { AddedFrom, TileShares } from '../../ports/tile-shares.ts';
import { SharedFold } from './shared-fold.ts';
import { TileSink } from './tile-sink.ts';

/**
 * Keys that are read, added to and written in one turn. The fewer there are, the shorter is the time in which another process may write one
 * of them, which costs this process a second turn.
 */
const KEYS_AT_ONCE = 100;

export interface AddOptions {
  readonly shares: TileShares;
  readonly sources: readonly EventSourceData[];
  readonly layouts: readonly TileLayout[];
  readonly clock: Clock;
}

/** An accepted delivery at its place in the log. */
interface Placed {
  readonly source: EventSourceData;
  readonly partition: number;
  readonly offset: number;
  readonly delivery: Delivery;
}

/** A key of an entity, with the views and the deliveries that change it. */
interface ChangedKey {
  readonly key: string;
  readonly layouts: Set<TileLayout>;
  readonly events: Placed[];
}

/** The views of an entity: their tiles of a key are together in a store. */
interface EntityViews {
  readonly fold: SharedFold;
  readonly sink: TileSink;
}

/** Adds accepted events to the tiles of their keys, in a store that other processes write too. */
export class SharedAdds {
  readonly #options: AddOptions;
  readonly #entities: readonly EntityViews[];

  constructor(options: AddOptions) {
    this.#options = options;
    this.#entities = [...Map.groupBy(options.layouts, ({ view }) => view.entity.name).values()].map((layouts) => {
      const fold = new SharedFold();
      return { fold, sink: new TileSink(options.sources, layouts, fold) };
    });
  }

  /**
   * Reads keys, adds to them and writes them; those that another process has written in between are read again. false: a share is not as this
   * process left it, and some keys may lack the events.
   */
  async add(judged: readonly JudgedDeliveries[], shares: readonly number[]): Promise<boolean> {
    for (const views of this.#entities) {
      const keys = changedKeys(views.sink, judged);
      for (let at = 0; at < keys.length; at += KEYS_AT_ONCE)
        if (!(await this.#addTo(views, keys.slice(at, at + KEYS_AT_ONCE), shares))) return false;
    }
    return true;
  }

  async #addTo(
    { fold, sink }: EntityViews,
    changed: readonly ChangedKey[],
    shares: AddedFrom['shares'],
  ): Promise<boolean> {
    for (let keys = changed; keys.length > 0; ) {
      const reads = keys.flatMap(({ key, layouts }) => [...layouts].map((layout) => ({ layout, key })));
      fold.begin(await this.#options.shares.load(reads));
      for (const event of inOrder(keys)) sink.take(judgedOf(event));
      const additions = fold.additions();
      if (additions.length === 0) return true;
      const left = await this.#options.shares.add(additions, { shares, now: this.#options.clock() });
      if (left === null) return false;
      const again = new Set(left.map(({ to }) => to.key));
      keys = keys.filter(({ key }) => again.has(key));
    }
    return true;
  }
}

/** The keys that accepted deliveries change; a delivery may change several. */
function changedKeys(sink: TileSink, judged: readonly JudgedDeliveries[]): readonly ChangedKey[] {
  const found = new Map<string, ChangedKey>();
  for (const { source, partition, offset, deliveries, verdicts } of judged)
    for (const [i, delivery] of deliveries.entries()) {
      if (verdicts[i] !== 'accepted') continue;
      const placed = { source, partition, offset: offset + i, delivery };
      for (const { layout, key } of sink.keysOf(source, [delivery])) {
        const changed = found.get(key) ?? { key, layouts: new Set(), events: [] };
        found.set(key, changed);
        changed.layouts.add(layout);
        if (changed.events.at(-1) !== placed) changed.events.push(placed);
      }
    }
  return [...found.values()];
}

/** The deliveries of some keys, each once and in the order of its partition: a key that has one has all before it. */
function inOrder(keys: readonly ChangedKey[]): readonly Placed[] {
  return [...new Set(keys.flatMap(({ events }) => events))].sort((a, b) => a.offset - b.offset);
}

function judgedOf({ source, partition, offset, delivery }: Placed): JudgedDeliveries {
  return { source, partition, offset, deliveries: [delivery], verdicts: ['accepted'], firsts: NONE };
}

const NONE: JudgedDeliveries['firsts'] = new Map();
