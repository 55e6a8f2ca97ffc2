import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openOnlineStore } from '../src/backends/embedded/online/online-store.ts';
import { seededRandom } from '../src/base/rng.ts';
import { COUNT, MAX_TS, START, tileLayout } from '../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../src/features/tile/tile-run.ts';
import type { TileWrite } from '../src/ports/online-store.ts';
import { scratchDirectory, spend } from './shop.ts';

/**
 * What tiles take in the embedded online store: `npm run example bench/memory.ts -- --entities 1000000 --tiles 60`. Writes this
 * many non-empty tiles of a view with 4 aggregates for every entity, half of 5 minutes and half of an hour, as a stream
 * does (entities in random order, commits of 2,000), then reads a hundred thousand of them in its own process.
 * Prints one JSON object: disk in MB, bytes a tile, seconds, the pages that opening read of all, and of both processes the memory that is theirs alone and the pages
 * of the file that the system keeps for them, which it takes back when others need them, in MB.
 */
const { values } = parseArgs({
  options: {
    entities: { type: 'string', default: '100000' },
    tiles: { type: 'string', default: '60' },
    read: { type: 'string' },
  },
});
const entities = Number(values.entities);
const tiles = Number(values.tiles);
const BATCH = 2_000;
const READS = 100_000;
const END = Date.UTC(2026, 0, 10, 12);

const layout = tileLayout(spend);
const random = seededRandom(5);

console.log(JSON.stringify(values.read === undefined ? await write(scratchDirectory()) : await read(values.read)));

/** Writes the tiles, and has another process read some of them. */
async function write(directory: string): Promise<object> {
  const store = openOnlineStore({ path: directory });
  const started = performance.now();
  // A step that shares no factor with the number of entities walks all of them, far apart.
  const step = coprimeNear(Math.floor(entities * 0.618), entities);
  for (let first = 0; first < entities; first += BATCH) {
    const writes: TileWrite[] = [];
    for (let i = first; i < Math.min(first + BATCH, entities); i += 1)
      addEntity(writes, `user-${(i * step) % entities}`);
    await store.writeTiles({ writer: 'memory', position: { memory: [first] }, tiles: writes });
  }
  const writtenSeconds = Math.round((performance.now() - started) / 1_000);
  const writer = memory();
  await store.close();
  const disk = statSync(join(directory, 'tiles.mdb')).blocks * 512;
  const bytesPerTile = Number((disk / (entities * tiles)).toFixed(1));
  const program = fileURLToPath(import.meta.url);
  const args = ['--conditions=headrace-source', program, '--entities', String(entities), '--read', directory];
  const reader: unknown = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  return { entities, tiles: entities * tiles, diskMb: megabytes(disk), bytesPerTile, writtenSeconds, writer, reader };
}

/** Reads all tiles of a hundred thousand entities. */
async function read(directory: string): Promise<object> {
  const opening = performance.now();
  const cpu = process.cpuUsage();
  const store = openOnlineStore({ path: directory });
  const openedSeconds = Number(((performance.now() - opening) / 1_000).toFixed(1));
  const { user, system } = process.cpuUsage(cpu);
  const openedCpuSeconds = Number(((user + system) / 1e6).toFixed(1));
  // Opening reads the branches, not the leaves: a walk would read all of them.
  const { pages, readAtOpen } = store.check?.() ?? {};
  const before = memory();
  const started = performance.now();
  for (let i = 0; i < READS; i += 1) {
    const key = `user-${Math.floor(random() * entities)}`;
    const range = { layout, key, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    await store.readTiles(layout.view.hopsMs.map((hopMs) => ({ ...range, hopMs })));
  }
  const keyMicros = Number((((performance.now() - started) / READS) * 1_000).toFixed(1));
  const after = memory();
  await store.close();
  return { openedSeconds, openedCpuSeconds, pages, readAtOpen, ...after, ownMbBefore: before.ownMb, keyMicros };
}

/** The memory of this process: its own, and pages of files. Where the system does not tell them apart all is its own. */
function memory(): { readonly ownMb: number; readonly fileMb: number } {
  if (process.platform !== 'linux') return { ownMb: megabytes(process.memoryUsage.rss()), fileMb: 0 };
  const text = readFileSync('/proc/self/status', 'utf8');
  const of = (name: string) => megabytes(Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1]) * 1_024);
  return { ownMb: of('RssAnon'), fileMb: of('RssFile') };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

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
