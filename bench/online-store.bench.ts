import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openOnlineStore } from '../src/backends/embedded/online/online-store.ts';
import { seededRandom } from '../src/base/rng.ts';
import type { StreamViewData } from '../src/features/define/declaration.ts';
import { COUNT, MAX_TS, tileLayout } from '../src/features/tile/tile-layout.ts';
import { emptyRun, tileAt } from '../src/features/tile/tile-run.ts';
import type { TileWrite } from '../src/ports/online-store.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/**
 * Commits of 150,000 tiles, of 1,000,000 keys (half by a zipf law, half evenly) at two hops: each is looked up, compared by version, written
 * and synced. The yardstick puts values of 60 bytes under as many keys into a bare LMDB file, without looking.
 */
const KEYS = 1_000_000;
const TILES = 150_000;
const HOPS = [60_000, 3_600_000];

const random = seededRandom(1);
const layout = tileLayout(spendView());
const directory = mkdtempSync(join(tmpdir(), 'bench-online-'));
const store = openOnlineStore({ path: join(directory, 'store') });
const bare = open<Uint8Array, Uint8Array>({
  path: join(directory, 'bare.mdb'),
  encoding: 'binary',
  keyEncoding: 'binary',
  noSubdir: true,
});
const commits = Array.from({ length: 4 }, (_, c) => tilesOf(c + 1));
const puts = commits.map((tiles) => tiles.map(({ key, hopMs }) => Buffer.from(`spend@1/${key}/${hopMs}/00000000`)));
const value = Buffer.alloc(60, 7);
let commit = 0;
let put = 0;

const rates = await measureRates(
  { tiles: { operations: TILES, run: writeTiles }, puts: { operations: TILES, run: putAll } },
  { warmUps: 1, rounds: 5 },
);
printFigure({
  name: 'tiles committed to the online store, 150,000 at once, 1,000,000 keys × 2 hops',
  unit: 'tiles/s',
  value: rates.tiles,
  yardstick: 'bare LMDB puts of 60 bytes',
  yardstickValue: rates.puts,
  aim: { of: 'value', atLeast: 200_000 },
});
await store.close();
await bare.close();
rmSync(directory, { recursive: true, force: true });

async function writeTiles(): Promise<void> {
  const tiles = commits[commit % commits.length];
  commit += 1;
  // Every round brings newer tiles.
  for (const { run } of tiles) run.nums[COUNT] += commits.length;
  await store.writeTiles({ writer: 'bench', position: { t: [commit] }, tiles });
}

function putAll(): void {
  const keys = puts[put % puts.length];
  put += 1;
  bare.transactionSync(() => {
    for (const key of keys) bare.putSync(key, value);
  });
}

/** Distinct tiles: what a writer that folds events in memory has to commit. */
function tilesOf(n: number): readonly TileWrite[] {
  const tiles = new Map<string, TileWrite>();
  while (tiles.size < TILES) {
    const key = `user-${Math.floor(KEYS ** random())}`;
    for (const hopMs of HOPS) tiles.set(`${key}/${hopMs}`, tileOf(key, hopMs, n));
    if (tiles.size < TILES) addUniform(tiles, n);
  }
  return [...tiles.values()].slice(0, TILES);
}

/** Half of the keys are drawn evenly: in a commit of distinct tiles the light ones of a zipf law are the most. */
function addUniform(tiles: Map<string, TileWrite>, n: number): void {
  const key = `user-${Math.floor(random() * KEYS)}`;
  for (const hopMs of HOPS) tiles.set(`${key}/${hopMs}`, tileOf(key, hopMs, n));
}

function tileOf(key: string, hopMs: number, n: number): TileWrite {
  const run = emptyRun(layout, 1);
  const start = Math.floor(1_000_000_000_000 / hopMs) * hopMs;
  tileAt(run, layout, start, 0);
  run.nums[COUNT] = n;
  run.nums[MAX_TS] = start + n;
  for (const { aggregate, num, obj } of layout.partials)
    aggregate.update(run, num, obj, BigInt(n * 1_000), start + n, `id-${n}`);
  return { layout, hopMs, key, run, index: 0 };
}

function spendView(): StreamViewData {
  const price = { type: 'int64', nullable: true } as const;
  const input = { kind: 'column', name: 'price' } as const;
  return {
    kind: 'streamView',
    name: 'spend',
    version: 1,
    source: {
      kind: 'eventSource',
      name: 'purchases',
      version: 1,
      id: 'id',
      time: 'at',
      columns: { id: { type: 'text', nullable: false }, at: { type: 'time', nullable: false }, price },
      latenessMs: 1_000,
      futureSkewMs: 1_000,
    },
    entity: { kind: 'entity', name: 'user', key: { user: { type: 'text', nullable: false } } },
    key: { user: 'id' },
    aggregates: (['sum', 'min', 'max'] as const).map((kind) => ({
      name: kind,
      kind,
      input,
      inputType: price,
      params: {},
    })),
    features: [],
    hopsMs: HOPS,
    freshnessMs: 1_000,
    ttlMs: null,
  };
}
