import { fail } from '../../base/errors/fail.ts';
import { fnv1a32 } from '../../base/hash/fnv.ts';
import { floorTo } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import { countedAt, type KeyRuns, SourceEngine, viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { COUNT, START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { equalTiles, upsertTile } from '../../features/tile/upsert.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Position } from '../../ports/position.ts';
import type { TileTopics } from '../../ports/tile-topics.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { readDeliveries } from './log-cursor.ts';

export interface CompareTilesOptions {
  readonly log: EventLog;
  readonly topics: TileTopics;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  /** The engine has everything of the log before this, and its tiles are in the topics. */
  readonly upTo: Position;
  /** How many keys of a view are compared. */
  readonly keys: number;
}

/** How much was compared. */
export interface ComparedTiles {
  readonly keys: number;
  readonly tiles: number;
}

/**
 * Compares the tiles that another engine wrote to topics with those that the events of the log make here, for a sample
 * of each view's keys: those with the least hash. Tiles that events touch meanwhile are left out. Error: TILES_DIFFERS.
 */
export async function compareTiles(options: CompareTilesOptions): Promise<ComparedTiles> {
  const { log, sources, rowsOf, layouts, keys, upTo } = options;
  const samples = new Map(layouts.map((layout) => [layout, new Sample(layout, keys)]));
  const wholeFrom = new Map<string, number>();
  for (const source of sources) {
    const of = layouts.filter(({ view }) => view.source.name === source.name);
    const engine = new SourceEngine<KeyRuns>(source, of, {
      tilesOf: (layout, key) => sampleOf(samples, layout).made(key),
      changed: () => undefined,
    });
    const topic = topicOf(source);
    const begins = (await log.ends(topic)).map(({ begin }) => begin);
    const first = begins.map(() => Number.NEGATIVE_INFINITY);
    const take: Parameters<typeof readDeliveries>[4] = (partition, offset, deliveries) => {
      if (offset === begins[partition] && offset > 0 && deliveries.length > 0)
        first[partition] = deliveries[0].ingestTs;
      for (const delivery of deliveries) if (!isBlank(delivery)) engine.apply(delivery, partition);
    };
    await readDeliveries(log, source, rowsOf(source), begins, take, upTo[topic]);
    // Of earlier tiles the log may have lost events that the engine has seen; of rows that change, of any tile.
    const lost = Math.max(...first);
    const isWhole = lost === Number.NEGATIVE_INFINITY || source.changes === undefined;
    wholeFrom.set(source.name, isWhole ? lost + source.futureSkewMs : Number.POSITIVE_INFINITY);
  }
  await readTopics(options.topics, samples);
  for (const source of sources) await noteMoving(options, source, samples);
  return settle(samples, wholeFrom);
}

async function readTopics(topics: TileTopics, samples: Samples): Promise<void> {
  const { begins, ends } = await topics.ends();
  let next = begins;
  while (Object.entries(ends).some(([topic, offsets]) => offsets.some((end, p) => next[topic][p] < end))) {
    const batch = await topics.read(next);
    next = batch.next;
    for (const { layout, hopMs, key, run, index } of batch.tiles)
      upsertTile(layout, sampleOf(samples, layout).told(key).runs[layout.view.hopsMs.indexOf(hopMs)], run, index);
    if (!batch.hasMore) return;
  }
}

/** Notes the tiles of events that came to the log since: the engine may have some of them. */
async function noteMoving(
  { log, rowsOf, layouts, upTo }: CompareTilesOptions,
  source: EventSourceData,
  samples: Samples,
): Promise<void> {
  const keyed = layouts
    .filter(({ view }) => view.source.name === source.name)
    .map((layout) => ({ sample: sampleOf(samples, layout), keyOf: viewKeyEncoder(layout.view) }));
  const from = upTo[topicOf(source)];
  const timeOf = countedAt(source);
  await readDeliveries(log, source, rowsOf(source), from, (_, __, deliveries) => {
    for (const delivery of deliveries)
      for (const { sample, keyOf } of keyed) {
        const key = delivery.row.length === 0 ? null : keyOf(delivery.row);
        if (key !== null) sample.move(key, timeOf(delivery));
      }
  });
}

function settle(samples: Samples, wholeFrom: ReadonlyMap<string, number>): ComparedTiles {
  let [keys, tiles, differing] = [0, 0, 0];
  let example: Difference | null = null;
  for (const [layout, sample] of samples) {
    const report = sample.compare(wholeFrom.get(layout.view.source.name) ?? Number.NEGATIVE_INFINITY);
    keys += report.keys;
    tiles += report.tiles;
    differing += report.differing;
    example ??= report.example;
  }
  if (example !== null) throw fail('TILES_DIFFERS', { tiles, differing, ...example });
  return { keys, tiles };
}

type Samples = ReadonlyMap<TileLayout, Sample>;

function sampleOf(samples: Samples, layout: TileLayout): Sample {
  const found = samples.get(layout);
  if (found === undefined) throw new RangeError(`no view ${layout.viewId} is compared`);
  return found;
}

/** A tile that is not what the events make. */
interface Difference {
  readonly view: string;
  readonly key: string;
  readonly tile: string;
  readonly reason: string;
}

/** The keys of a view with the least hashes, and their tiles: as made here, and as the engine wrote them. */
class Sample {
  readonly #layout: TileLayout;
  readonly #most: number;
  readonly #made = new Map<string, KeyRuns>();
  readonly #told = new Map<string, KeyRuns>();
  readonly #moving = new Set<string>();
  #largestHash = Number.POSITIVE_INFINITY;
  readonly #scratch: KeyRuns;

  constructor(layout: TileLayout, most: number) {
    this.#layout = layout;
    this.#most = most;
    this.#scratch = this.#empty();
  }

  /** The tiles to fold events of a key into; those of a key outside of the sample go nowhere. */
  made(key: string): KeyRuns {
    const found = this.#of(this.#made, key);
    if (this.#made.size >= 2 * this.#most) this.#narrow();
    return found;
  }

  told(key: string): KeyRuns {
    return this.#of(this.#told, key);
  }

  /** An event of the key came that may be in the engine's tiles. */
  move(key: string, ts: number): void {
    if (fnv1a32(key) > this.#largestHash) return;
    for (const hopMs of this.#layout.view.hopsMs) this.#moving.add(`${hopMs}\0${floorTo(ts, hopMs)}\0${key}`);
  }

  compare(wholeFrom: number): { keys: number; tiles: number; differing: number; example: Difference | null } {
    this.#narrow();
    const { view } = this.#layout;
    const keys = new Set([...this.#made.keys(), ...this.#told.keys()].filter((key) => this.#has(key)));
    let [tiles, differing] = [0, 0];
    let example: Difference | null = null;
    for (const key of keys)
      for (const [hop, hopMs] of view.hopsMs.entries()) {
        const made = this.#made.get(key)?.runs[hop] ?? emptyRun(this.#layout);
        const told = this.#told.get(key)?.runs[hop] ?? emptyRun(this.#layout);
        for (const start of new Set([...this.#starts(made), ...this.#starts(told)])) {
          if (start < wholeFrom || this.#moving.has(`${hopMs}\0${start}\0${key}`)) continue;
          tiles += 1;
          const reason = this.#difference(told, made, start);
          if (reason === null) continue;
          differing += 1;
          const tile = `of ${hopMs} ms at ${new Date(start).toISOString()}`;
          example ??= { view: view.name, key, tile, reason };
        }
      }
    return { keys: keys.size, tiles, differing, example };
  }

  /** The first difference between the engine's tile and the tile made here; null where they are equal. */
  #difference(told: TileRun, made: TileRun, start: number): string | null {
    const [t, m] = [this.#indexOf(told, start), this.#indexOf(made, start)];
    const { numbers, partials } = this.#layout;
    const count = (run: TileRun, index: number) => (index < 0 ? 0 : run.nums[index * numbers + COUNT]);
    if (count(told, t) !== count(made, m)) return `it has ${count(told, t)} events in place of ${count(made, m)}`;
    if (equalTiles(this.#layout, told, t, made, m)) return null;
    const other = partials.find(({ num, aggregate }) =>
      Array.from({ length: aggregate.numbers }, (_, i) => num + i).some(
        (i) => !Object.is(told.nums[t * numbers + i], made.nums[m * numbers + i]),
      ),
    );
    return `it has as many events and another value${other === undefined ? '' : ` of ${other.name}`}`;
  }

  #indexOf(run: TileRun, start: number): number {
    const index = lowerBound(run, this.#layout, start);
    return index < run.length && run.nums[index * this.#layout.numbers + START] === start ? index : -1;
  }

  #starts({ nums, length }: TileRun): readonly number[] {
    return Array.from({ length }, (_, index) => nums[index * this.#layout.numbers + START]);
  }

  #of(runs: Map<string, KeyRuns>, key: string): KeyRuns {
    const known = runs.get(key);
    if (known !== undefined) return known;
    if (!this.#has(key)) {
      for (const run of this.#scratch.runs) run.length = 0;
      return this.#scratch;
    }
    const found = this.#empty();
    runs.set(key, found);
    return found;
  }

  #has(key: string): boolean {
    return fnv1a32(key) <= this.#largestHash;
  }

  /** Keeps as many keys as are wanted, and others of the same hash. */
  #narrow(): void {
    if (this.#made.size <= this.#most) return;
    const hashes = [...this.#made.keys()].map(fnv1a32).sort((a, b) => a - b);
    this.#largestHash = Math.min(this.#largestHash, hashes[this.#most - 1]);
    for (const key of [...this.#made.keys()]) if (!this.#has(key)) this.#made.delete(key);
  }

  #empty(): KeyRuns {
    return { runs: this.#layout.view.hopsMs.map(() => emptyRun(this.#layout)) };
  }
}
