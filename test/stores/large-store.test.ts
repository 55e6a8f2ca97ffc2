import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { until } from '../until.ts';
import { newRoot } from './new-root.ts';
import { allTiles, HOPS, spend, tileOf, tilesOf } from './numbered-tiles.ts';

const KEYS = 40_000;
const keyOf = (i: number) => `large ${i}`;

/** The file of a store that is not checked whole when it is opened. */
async function largeFile(): Promise<Buffer> {
  const path = mkdtempSync(join(tmpdir(), 'large-store-'));
  const store = openOnlineStore({ path });
  for (let from = 0; from < KEYS; from += 4_000) {
    const tiles = Array.from({ length: 4_000 }, (_, i) => tileOf(keyOf(((from + i) * 7_919) % KEYS), HOPS[0], 0, 1));
    await store.writeTiles({ writer: 'w', position: { t: [from] }, tiles });
  }
  await store.close();
  const file = readFileSync(join(path, 'tiles.mdb'));
  rmSync(path, { recursive: true, force: true });
  return file;
}

const bytes = await largeFile();

function copyOf(file = bytes): string {
  const path = newRoot();
  writeFileSync(join(path, 'tiles.mdb'), file);
  return path;
}

/** The code of the error that work throws; null: none. */
async function codeOf(work: () => unknown): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return error.code;
  }
}

test('opening reads the roots alone; each key is answered before and after the scrub, and new keys during it', async () => {
  const store = openOnlineStore({ path: copyOf() });
  onTestFinished(() => store.close());
  const { pages, readAtOpen, isWhole } = store.check?.() ?? {};
  expect(isWhole).toBe(false);
  expect(pages).toBeGreaterThan(1_024);
  expect(readAtOpen).toBeLessThanOrEqual(2);
  const mustAnswer = async (step: number) => {
    for (let i = 0; i < KEYS; i += step)
      expect([i, tilesOf(await allTiles(store, keyOf(i), HOPS[0]))]).toEqual([i, [[0, 1]]]);
  };
  await mustAnswer(97);
  // Commits between steps of the scrub move keys to other pages.
  let n = 0;
  await until(async () => {
    n += 1;
    const tiles = [tileOf(`new ${n}`, HOPS[0], 0, 1), tileOf(keyOf((n * 31) % KEYS), HOPS[1], 0, 1)];
    await store.writeTiles({ writer: 'w', position: { t: [n] }, tiles });
    return store.check?.().isWhole === true;
  });
  await mustAnswer(1);
  for (let i = 1; i <= n; i += 1) expect(tilesOf(await allTiles(store, `new ${i}`, HOPS[0]))).toEqual([[0, 1]]);
  expect(tilesOf(await allTiles(store, 'absent', HOPS[0]))).toEqual([]);
  expect(store.check?.().damage).toBe(null);
});

test('whatever pages and bits of a large store are damaged, every read and write is right or STORE_CORRUPT, the scrub names the damage, and the process lives', {
  timeout: 600_000,
}, async () => {
  const pages = Array.from({ length: bytes.length / 4_096 }, (_, page) => page).slice(2);
  const leaves = pages.filter((page) => bytes.readUInt16LE(page * 4_096 + 18) === 2);
  // With a damaged branch nothing can be written.
  const anyPage = fc.oneof(
    { weight: 100, arbitrary: fc.constantFrom(...leaves) },
    { weight: 1, arbitrary: fc.constantFrom(...pages) },
  );
  const anyDamage = fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), page: anyPage, at: fc.nat(4_095), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('zeros' as const), page: anyPage }),
    fc.record({ kind: fc.constant('noise' as const), page: anyPage, seed: fc.integer() }),
    fc.record({ kind: fc.constant('other' as const), page: anyPage, from: anyPage }),
  );
  const seen = { atOpen: 0, byRead: 0, byWrite: 0, byScrub: 0, whole: 0 };
  const runs = Number(process.env['HEADRACE_DAMAGE_RUNS'] ?? 8);
  await fc.assert(
    fc.asyncProperty(fc.array(anyDamage, { minLength: 1, maxLength: 60, size: 'max' }), async (damages) => {
      const damaged = Buffer.from(bytes);
      for (const damage of damages) {
        const at = damage.page * 4_096;
        if (damage.kind === 'bit') damaged[at + damage.at] ^= 1 << damage.bit;
        else if (damage.kind === 'zeros') damaged.fill(0, at, at + 4_096);
        else if (damage.kind === 'other') bytes.copy(damaged, at, damage.from * 4_096, (damage.from + 1) * 4_096);
        else for (let i = 0; i < 4_096; i += 1) damaged[at + i] = Math.imul(damage.seed ^ i, 0x9e3779b1) >>> 24;
      }
      const path = copyOf(damaged);
      const found = await codeOf(async () => {
        const store = openOnlineStore({ path });
        try {
          await use(store, seen);
        } finally {
          await store.close();
        }
      });
      if (found !== null) seen.atOpen += 1;
      expect([null, 'STORE_CORRUPT']).toContain(found);
    }),
    { numRuns: runs },
  );
  expect(seen.byRead).toBeGreaterThan(0);
  expect(seen.byWrite).toBeGreaterThan(0);
  expect(seen.byScrub).toBeGreaterThan(0);
});

/** Where a tree of the newest meta page begins: 0 is that of the free pages, 1 that of the entries. */
function rootOf(file: Buffer, tree: 0 | 1): number {
  const newest = [0, 4_096].reduce((a, b) => (file.readBigUInt64LE(a + 152) >= file.readBigUInt64LE(b + 152) ? a : b));
  return Number(file.readBigUInt64LE(newest + 48 + tree * 48 + 40));
}

test('a page that is in use and listed as free stops every write before the first; reads are right, and the status names it', async () => {
  const damaged = Buffer.from(bytes);
  const at = rootOf(damaged, 0) * 4_096;
  expect(damaged.readUInt16LE(at + 18)).toBe(2);
  const node = at + 24 + damaged.readUInt16LE(at + 24);
  const value = node + 8 + damaged.readUInt16LE(node + 6);
  const isBig = damaged.readUInt16LE(node + 4) === 1;
  const list = isBig ? Number(damaged.readBigUInt64LE(value)) * 4_096 + 24 : value;
  // After the count: a length, which is negative, or a page.
  const first = list + 8;
  const entry = damaged.readBigInt64LE(first) < 0n ? first + 8 : first;
  damaged.writeBigInt64LE(BigInt(rootOf(damaged, 1)), entry);
  const path = copyOf(damaged);
  const store = openOnlineStore({ path });
  const tiles = [tileOf(keyOf(1), HOPS[0], 0, 2)];
  const write = () => store.writeTiles({ writer: 'w', position: { t: [1] }, tiles });
  for (let i = 0; i < 2; i += 1) await expect(write()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  await expect(store.dropTiles([{ layout: spend, horizons: [] }])).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  for (let i = 0; i < KEYS; i += 1_009) expect(tilesOf(await allTiles(store, keyOf(i), HOPS[0]))).toEqual([[0, 1]]);
  await until(() => store.check?.().damage !== null);
  await store.close();
  expect(readFileSync(join(path, 'tiles.mdb')).equals(damaged)).toBe(true);
});

test('opening and closing writes nothing; the first write gives a large store of the former format the new one', async () => {
  const path = copyOf();
  const file = join(path, 'tiles.mdb');
  await openOnlineStore({ path }).close();
  expect(readFileSync(file).equals(bytes)).toBe(true);
  const database = () =>
    open<Uint8Array, Uint8Array>({ path: file, encoding: 'binary', keyEncoding: 'binary', noSubdir: true });
  const former = database();
  former.putSync(Buffer.of(0), Buffer.from('1'));
  await former.close();
  const store = openOnlineStore({ path });
  expect(tilesOf(await allTiles(store, keyOf(1), HOPS[0]))).toEqual([[0, 1]]);
  const tiles = [tileOf(keyOf(1), HOPS[0], 0, 2)];
  // Closing waits for it.
  const written = store.writeTiles({ writer: 'w', position: { t: [1] }, tiles });
  await store.close();
  await written;
  const upgraded = database();
  expect(String(upgraded.get(Buffer.of(0)))).toBe('4');
  await upgraded.close();
});

async function use(store: ReturnType<typeof openOnlineStore>, seen: Record<string, number>): Promise<void> {
  const fresh = new Set<number>();
  const read = async (i: number) => {
    const code = await codeOf(async () => {
      const tiles = tilesOf(await allTiles(store, keyOf(i), HOPS[0]));
      if (!fresh.has(i)) expect([i, tiles]).toEqual([i, [[0, 1]]]);
    });
    if (code !== null) seen['byRead'] += 1;
    expect([null, 'STORE_CORRUPT']).toContain(code);
  };
  for (let i = 0; i < KEYS; i += 1_009) await read(i);
  for (let n = 0; n < 40; n += 1) {
    const i = (n * 7_907) % KEYS;
    const code = await codeOf(() =>
      store.writeTiles({ writer: 'w', position: { t: [n] }, tiles: [tileOf(keyOf(i), HOPS[0], 0, 2)] }),
    );
    if (code === null) fresh.add(i);
    else seen['byWrite'] += 1;
    expect([null, 'STORE_CORRUPT']).toContain(code);
    const removed = await codeOf(() => store.dropKey?.([spend], [], keyOf(i + 1)));
    if (removed === null) fresh.add(i + 1);
    expect([null, 'STORE_CORRUPT']).toContain(removed);
  }
  for (let i = 3; i < KEYS; i += 211) await read(i);
  await until(() => store.check?.().isWhole === true || store.check?.().damage !== null);
  if (store.check?.().damage === null) seen['whole'] += 1;
  else seen['byScrub'] += 1;
}
