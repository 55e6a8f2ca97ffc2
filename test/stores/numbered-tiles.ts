import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { COUNT, MAX_TS, START, type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../../src/features/tile/tile-run.ts';
import type { OnlineStore, TileWrite } from '../../src/ports/online-store.ts';

const columns = {
  id: { type: 'text', nullable: false },
  at: { type: 'time', nullable: false },
  user: { type: 'text', nullable: false },
  price: { type: 'int64', nullable: true },
  item: { type: 'text', nullable: true },
} as const;

export const HOPS = [60_000, 3_600_000] as const;

const view: StreamViewData = {
  kind: 'streamView',
  name: 'spend',
  version: 1,
  source: {
    kind: 'eventSource',
    name: 'purchases',
    version: 1,
    id: 'id',
    time: 'at',
    columns,
    latenessMs: 1_000,
    futureSkewMs: 1_000,
  },
  entity: { kind: 'entity', name: 'user', key: { user: { type: 'text', nullable: false } } },
  key: { user: 'user' },
  aggregates: [
    { name: 'spent', kind: 'sum', input: { kind: 'column', name: 'price' }, inputType: columns.price, params: {} },
    { name: 'last_item', kind: 'last', input: { kind: 'column', name: 'item' }, inputType: columns.item, params: {} },
  ],
  features: [],
  hopsMs: HOPS,
  freshnessMs: 1_000,
  ttlMs: null,
};

/** A view with partials of numbers and of objects, at two hops. */
export const spend: TileLayout = tileLayout(view);

/** A tile of `n` events, of content that follows from n and seed. */
export function tileOf(key: string, hopMs: number, start: number, n: number, seed = 0, generation = 0): TileWrite {
  const run = emptyRun(spend, 1);
  tileAt(run, spend, start, generation);
  run.nums[COUNT] = n;
  run.nums[MAX_TS] = start + n;
  spend.partials.forEach(({ aggregate, num, obj }, i) => {
    aggregate.update(run, num, obj, i === 0 ? BigInt(n * 1_000 + seed) : `item ${n} ${seed}`, start + n, `id-${n}`);
  });
  return { layout: spend, hopMs, key, run, index: 0 };
}

/** Start, generation and n of every tile of a run. */
export function tilesOf(run: TileRun): readonly (readonly number[])[] {
  return Array.from({ length: run.length }, (_, i) =>
    [START, COUNT].map((place) => run.nums[i * spend.numbers + place]),
  );
}

/** The tiles of a key at a hop, all of them. */
export async function allTiles(store: OnlineStore, key: string, hopMs: number): Promise<TileRun> {
  const [run] = await store.readTiles([
    { layout: spend, hopMs, key, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
  ]);
  return run;
}

/** Keys that a numbered commit writes: commit c gives each a tile of c events at minute c % 40. */
export const KEYS = Array.from({ length: 50 }, (_, i) => `user ${i}`);

export function numberedCommit(commit: number) {
  const tiles = KEYS.flatMap((key) => [
    tileOf(key, HOPS[0], (commit % 40) * HOPS[0], commit),
    tileOf(key, HOPS[1], 0, commit),
  ]);
  return { writer: 'numbers', position: { t: [commit] }, tiles };
}

/** Throws unless the store holds exactly the tiles of the commits up to its position; gives the position. */
export async function mustAgree(store: OnlineStore): Promise<number> {
  const last = (await store.position('numbers'))?.['t']?.[0] ?? 0;
  const byStart = new Map<number, number>();
  for (let commit = Math.max(1, last - 39); commit <= last; commit += 1) byStart.set((commit % 40) * HOPS[0], commit);
  const minutes = JSON.stringify([...byStart].sort(([a], [b]) => a - b));
  const hours = JSON.stringify(last === 0 ? [] : [[0, last]]);
  for (const key of KEYS) {
    const found = [await allTiles(store, key, HOPS[0]), await allTiles(store, key, HOPS[1])].map((run) =>
      JSON.stringify(tilesOf(run)),
    );
    if (found[0] !== minutes || found[1] !== hours)
      throw new Error(`at position ${last} "${key}" has ${found}, not ${minutes},${hours}`);
  }
  return last;
}
