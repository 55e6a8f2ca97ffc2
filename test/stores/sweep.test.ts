import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { expect, test } from 'vitest';
import { ENTRIES_AT_ONCE, spansOfSweep, sweepSome } from '../../src/backends/embedded/online/drop-tiles.ts';
import { Entries } from '../../src/backends/embedded/online/entries.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { blockOf } from '../../src/backends/embedded/online/tile-block.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { tileOf as windowedTile } from '../../src/testing/contracts/contract-tiles.ts';
import { windowedLayout } from '../../src/testing/contracts/stored-windows.ts';
import { childEnv } from '../child-env.ts';
import { expectSame } from '../expect-same.ts';
import { newRoot } from './new-root.ts';
import { allTiles, HOPS, KEYS, tileOf, tilesOf } from './numbered-tiles.ts';
import { amidStart, DROPPED_BEFORE, keyOf, OLD, STARTS } from './sweep-writer.ts';

const KEY_COUNT = Number(process.env['HEADRACE_SWEEP_KEYS'] ?? 30_000);
/** The keys of all entries of the view would not fit. */
const HEAP_MB = Math.max(24, Math.round(KEY_COUNT / 5_000));

const KEPT = STARTS.filter((start) => start + HOPS[0] > DROPPED_BEFORE).map((start) => [start, 1]);

/** Blocks of a key. */
const BLOCKS = new Set(STARTS.map((start) => blockOf(start, HOPS[0]))).size;

interface Line {
  readonly commits: number;
  readonly turns?: number;
  readonly isDone?: boolean;
}

/** Runs the writer; `see` gets each line and says whether to kill it. */
function runWriter(path: string, keys: number, see: (line: Line) => boolean): Promise<number | null> {
  const script = fileURLToPath(new URL('./sweep-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, script, path, String(keys)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnv(),
  });
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (see(JSON.parse(line))) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

/** How many of the keys have exactly the tiles that windows may need; each has those at least, and no others but old ones. */
async function sweptKeys(store: OnlineStore, keys: number): Promise<number> {
  let swept = 0;
  for (let i = 0; i < keys; i += 1) {
    const tiles = tilesOf(await allTiles(store, keyOf(i), HOPS[0]));
    expectSame(tiles.slice(-KEPT.length), KEPT);
    if (tiles.length === KEPT.length) swept += 1;
    else
      expectSame(
        tiles,
        STARTS.map((start) => [start, 1]),
      );
  }
  return swept;
}

/** How many commits came while tiles were dropped, by the position; all their tiles must be there, and no others. */
async function commitsIn(store: OnlineStore): Promise<number> {
  const commits = (await store.position('amid'))?.['t']?.[0] ?? 0;
  const tiles = Array.from({ length: commits }, (_, i) => [amidStart(i + 1), 1]);
  for (const key of KEYS) expect(tilesOf(await allTiles(store, key, HOPS[0]))).toEqual(tiles);
  return commits;
}

/** Where a sweep would begin; null: at the beginning of the store. */
async function placeOf(path: string): Promise<string | null> {
  const file = `${path}/tiles.mdb`;
  const database = open<Uint8Array, Uint8Array>({
    path: file,
    encoding: 'binary',
    keyEncoding: 'binary',
    noSubdir: true,
  });
  try {
    const spans = spansOfSweep(new Entries(database, file));
    // The second is what lies before the place.
    return spans.length === 1 ? null : Buffer.from(spans[0].start).toString('latin1');
  } finally {
    await database.close();
  }
}

test('old tiles of more keys than the heap holds are dropped, with commits in between and turns of the event loop in each step', {
  timeout: 600_000,
}, async () => {
  const path = newRoot();
  const lines: Line[] = [];
  expect(await runWriter(path, KEY_COUNT, (line) => lines.push(line) === 0)).toBe(0);
  const steps = Math.floor((BLOCKS * KEY_COUNT) / ENTRIES_AT_ONCE);
  const { turns = 0, commits, isDone } = lines[lines.length - 1];
  expect(isDone).toBe(true);
  expect(turns).toBeGreaterThanOrEqual(steps);
  expect(commits).toBeGreaterThanOrEqual(steps);
  const store = openOnlineStore({ path });
  expect(await sweptKeys(store, KEY_COUNT)).toBe(KEY_COUNT);
  expect(await commitsIn(store)).toBe(commits);
  await store.close();
  expect(await placeOf(path)).toBe(null);
});

test('a sweep that is killed loses nothing, and the next one continues where it was', {
  timeout: 600_000,
}, async () => {
  const path = newRoot();
  let seen = 0;
  const code = await runWriter(path, KEY_COUNT, ({ commits, isDone }) => {
    if (isDone === true) throw new Error('the sweep ended before it was killed');
    seen = commits;
    return commits === 3;
  });
  expect(code).toBe(null);
  const place = await placeOf(path);
  expect(place).toContain('many ');
  const store = openOnlineStore({ path });
  const before = await sweptKeys(store, KEY_COUNT);
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(KEY_COUNT);
  expect(await commitsIn(store)).toBeGreaterThanOrEqual(seen);
  await store.dropTiles([OLD]);
  expect(await sweptKeys(store, KEY_COUNT)).toBe(KEY_COUNT);
  await store.close();
  expect(await placeOf(path)).toBe(null);
});

test('a step looks at as many entries as it may, whatever the view has, and steps of any size drop the same tiles', async () => {
  for (const most of [1, 2, 7, 1_000]) {
    const path = newRoot();
    const store = openOnlineStore({ path });
    const tiles = KEYS.flatMap((key) => STARTS.map((start) => tileOf(key, HOPS[0], start, 1)));
    await store.writeTiles({ writer: 'w', position: {}, tiles });
    await store.close();
    const file = `${path}/tiles.mdb`;
    const database = open<Uint8Array, Uint8Array>({
      path: file,
      encoding: 'binary',
      keyEncoding: 'binary',
      noSubdir: true,
    });
    const entries = new Entries(database, file);
    const [{ start, end }] = spansOfSweep(entries);
    let steps = 0;
    for (let from: Uint8Array | null = start; from !== null; steps += 1) {
      const left = entries.keys({ start: from, end }, most).length;
      from = sweepSome(entries, [OLD], { start: from, end }, most);
      expect(from === null).toBe(left < most);
    }
    expect(steps).toBe(Math.floor((BLOCKS * KEYS.length) / most) + 1);
    await database.close();
    const swept = openOnlineStore({ path });
    for (const key of KEYS) expect(tilesOf(await allTiles(swept, key, HOPS[0]))).toEqual(KEPT);
    await swept.close();
  }
});

test('rows of old batch generations leave in steps, with commits in between, whatever a dead process left', async () => {
  const features = { n: { type: 'int', nullable: false } } as const;
  const ROWS = 3 * ENTRIES_AT_ONCE;
  const rows = Array.from({ length: ROWS }, (_, i) => ({ key: keyOf(i), values: [i] }));
  const path = newRoot();
  const of = (generation: number) => ({ viewId: 'batch@1', generation, asOf: generation, visibleFrom: generation });
  const died = openOnlineStore({ path });
  for (const generation of [1, 2, 3]) await died.writeBatch(of(generation), features, rows);
  await died.close();
  const store = openOnlineStore({ path });
  const [first] = rows;
  await store.writeBatch(of(3), features, [first]);
  let turns = 0;
  let isSwitched = false;
  const turn = () => {
    turns += 1;
    if (!isSwitched) setImmediate(turn);
  };
  setImmediate(turn);
  await store.switchBatch(of(3));
  isSwitched = true;
  // Rows of two generations left in steps of the thread.
  expect(turns).toBeGreaterThanOrEqual(ROWS / ENTRIES_AT_ONCE);
  const answers = await store.readBatch([keyOf(0), keyOf(1)].map((key) => ({ viewId: 'batch@1', features, key })));
  expect(answers.map((answer) => answer?.values)).toEqual([[0], null]);
  await store.close();
  const file = `${path}/tiles.mdb`;
  const database = open<Uint8Array, Uint8Array>({
    path: file,
    encoding: 'binary',
    keyEncoding: 'binary',
    noSubdir: true,
  });
  expect([...database.getKeys({ start: Buffer.of(9), end: Buffer.of(10) })]).toHaveLength(1);
  await database.close();
});

test('stored windows leave with the last tiles that a window can reach, those of other keys and views stay', async () => {
  const store = openOnlineStore({ path: newRoot() });
  const layout = windowedLayout();
  const other = { ...layout, viewId: 'other@1' };
  const ends = [1, 2, 50, 60];
  const tiles = ends.flatMap((end) =>
    [layout, other].map((of) => {
      const tile = windowedTile(of, HOPS[0], `ended ${end}`, (end - 1) * HOPS[0], 1);
      return { ...tile, all: [tile.run] };
    }),
  );
  await store.writeTiles({ writer: 'w', position: { t: [1] }, tiles, freshUntil: 60 * HOPS[0] });
  const kept = (of: typeof layout) => ends.filter((end) => store.readWindows?.(of, `ended ${end}`) != null);
  expect([kept(layout), kept(other)]).toEqual([ends, ends]);
  await store.dropTiles([{ layout, horizons: [{ hopMs: HOPS[0], endedBefore: 50 * HOPS[0] }] }]);
  expect([kept(layout), kept(other)]).toEqual([[60], ends]);
  await store.close();
});
