import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openOnlineStore } from '../src/backends/embedded/online/online-store.ts';
import { seededRandom } from '../src/base/rng.ts';
import { COUNT, MAX_TS, START, tileLayout } from '../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../src/features/tile/tile-run.ts';
import type { TileWrite } from '../src/ports/online-store.ts';
import { scratchDirectory, spend } from './shop.ts';

/**
 * What tiles take in the embedded online store: `npm run example bench/memory.ts -- --entities 1000000 --tiles 60`. Writes so
 * many non-empty tiles of a view with 4 aggregates for every entity, half of 5 minutes and half of an hour, as a stream
 * does (entities in random order, commits of 2,000), then reads a hundred thousand of them in a fresh process state.
 * Prints one JSON object: disk and resident set in MB, bytes a tile, seconds.
 */
const { values } = parseArgs({
  options: { entities: { type: 'string', default: '100000' }, tiles: { type: 'string', default: '60' } },
});
const entities = Number(values.entities);
const tiles = Number(values.tiles);
const BATCH = 2_000;
const READS = 100_000;
const END = Date.UTC(2026, 0, 10, 12);

const layout = tileLayout(spend);
const random = seededRandom(5);
const directory = scratchDirectory();
const store = openOnlineStore({ path: directory });
const rssBefore = process.memoryUsage.rss();
const started = performance.now();
// A step that shares no factor with the number of entities walks all of them, far apart.
const step = coprimeNear(Math.floor(entities * 0.618), entities);
for (let first = 0; first < entities; first += BATCH) {
  const writes: TileWrite[] = [];
  for (let i = first; i < Math.min(first + BATCH, entities); i += 1) addEntity(writes, `user-${(i * step) % entities}`);
  await store.writeTiles({ writer: 'memory', position: { memory: [first] }, tiles: writes });
}
const writtenSeconds = (performance.now() - started) / 1_000;
const reading = performance.now();
for (let i = 0; i < READS; i += 1) {
  const key = `user-${Math.floor(random() * entities)}`;
  const read = { layout, key, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  await store.readTiles(layout.view.hopsMs.map((hopMs) => ({ ...read, hopMs })));
}
const readMicros = ((performance.now() - reading) / READS) * 1_000;
const disk = statSync(join(directory, 'tiles.mdb')).blocks * 512;
console.log(
  JSON.stringify({
    entities,
    tiles: entities * tiles,
    diskMb: Math.round(disk / 1e6),
    bytesPerTile: Number((disk / (entities * tiles)).toFixed(1)),
    rssMb: Math.round(process.memoryUsage.rss() / 1e6),
    rssBeforeMb: Math.round(rssBefore / 1e6),
    writtenSeconds: Math.round(writtenSeconds),
    readKeyMicros: Number(readMicros.toFixed(1)),
  }),
);
await store.close();

function addEntity(writes: TileWrite[], key: string): void {
  layout.view.hopsMs.forEach((hopMs, hop) => {
    const count = hop === 0 ? Math.ceil(tiles / 2) : Math.floor(tiles / 2);
    const run = emptyRun(layout, count);
    for (let i = count; i >= 1; i -= 1) addTile(run, END - i * hopMs, hopMs);
    for (let index = 0; index < run.length; index += 1) writes.push({ layout, hopMs, key, run, index });
  });
}

/** A tile of one to three purchases. */
function addTile(run: TileRun, start: number, hopMs: number): void {
  const index = tileAt(run, layout, start, 0);
  const at = index * layout.numbers;
  for (let n = 1 + Math.floor(random() * 3); n > 0; n -= 1) {
    const ts = start + Math.floor(random() * hopMs);
    const price = Math.floor(random() * 10_000);
    run.nums[at + COUNT] += 1;
    run.nums[at + MAX_TS] = Math.max(run.nums[at + MAX_TS], ts);
    for (const { aggregate, num, obj } of layout.partials)
      aggregate.update(run, at + num, index * layout.objects + obj, price, ts, 'id');
  }
  if (run.nums[at + START] !== start) throw new Error('the tile is another');
}

function coprimeNear(wanted: number, of: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, wanted);
  while (divisor(step, of) !== 1) step += 1;
  return step;
}
