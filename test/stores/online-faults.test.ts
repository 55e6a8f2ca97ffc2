import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { open } from 'lmdb';
import { expect, test } from 'vitest';
import { copyOnlineStore } from '../../src/backends/embedded/online/copy-online-store.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { WindowsWriter } from '../../src/features/window/stored-windows.ts';
import { tileOf as contractTileOf } from '../../src/testing/contracts/contract-tiles.ts';
import { windowedLayout } from '../../src/testing/contracts/stored-windows.ts';
import { childEnv } from '../child-env.ts';
import { newRoot } from './new-root.ts';
import { allTiles, HOPS, KEYS, mustAgree, numberedCommit, tileOf, tilesOf } from './numbered-tiles.ts';

const fixtureOf = (format: number) => fileURLToPath(new URL(`../fixtures/online-store-${format}`, import.meta.url));

async function writtenStore(commits: number): Promise<string> {
  const path = newRoot();
  const store = openOnlineStore({ path });
  for (let commit = 1; commit <= commits; commit += 1) await store.writeTiles(numberedCommit(commit));
  await store.close();
  return path;
}

/** Opens, reads all, commits once more; gives the code of the error or `whole`. In this process: a crash fails the run. */
async function use(path: string): Promise<string> {
  try {
    const store = openOnlineStore({ path });
    try {
      const last = await mustAgree(store);
      await store.writeTiles(numberedCommit(last + 1));
      await mustAgree(store);
      return 'whole';
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return error.code;
  }
}

test.each([1, 2, 3, 4])('a store that was written by format %d is read and continues', async (format) => {
  const path = newRoot();
  cpSync(join(fixtureOf(format), 'tiles.mdb'), join(path, 'tiles.mdb'));
  const store = openOnlineStore({ path });
  expect(await mustAgree(store)).toBe(5);
  const features = { mean: { type: 'float', nullable: true } } as const;
  const [answer] = await store.readBatch([{ viewId: 'history@1', features, key: 'a' }]);
  expect(answer).toEqual({
    generation: { viewId: 'history@1', generation: 1, asOf: 10, visibleFrom: 20 },
    values: [0.5],
  });
  const layout = windowedLayout();
  const { run } = contractTileOf(layout, 60_000, 'a', 0, 3);
  const windows = format === 1 ? null : Buffer.from(new WindowsWriter(layout).write([run], 180_000) ?? []);
  const stored = store.readWindows?.(layout, 'a') ?? null;
  expect(stored === null ? null : Buffer.from(stored)).toEqual(windows);
  await store.writeTiles(numberedCommit(6));
  expect(await mustAgree(store)).toBe(6);
  await store.close();
});

test('a store of a later format is STORE_FORMAT, one without a format STORE_CORRUPT', async () => {
  for (const [format, code] of [
    ['5', 'STORE_FORMAT'],
    [null, 'STORE_CORRUPT'],
  ] as const) {
    const path = await writtenStore(1);
    const database = open<Uint8Array, Uint8Array>({
      path: join(path, 'tiles.mdb'),
      encoding: 'binary',
      keyEncoding: 'binary',
      noSubdir: true,
    });
    if (format === null) database.removeSync(Buffer.of(0));
    else database.putSync(Buffer.of(0), Buffer.from(format));
    await database.close();
    expect(await use(path)).toBe(code);
  }
});

test('a file that is no LMDB file, or the beginning of one, is STORE_CORRUPT with what to do', async () => {
  const path = await writtenStore(3);
  const file = join(path, 'tiles.mdb');
  const { length } = readFileSync(file);
  for (const size of [length - 5_000, length >> 1, 8_192, 5_000, 4_096, 100, 1]) {
    truncateSync(file, size);
    expect([size, await use(path)]).toEqual([size, 'STORE_CORRUPT']);
  }
  writeFileSync(file, 'not a database\n'.repeat(1_000));
  expect(() => openOnlineStore({ path })).toThrow(
    expect.objectContaining({ code: 'STORE_CORRUPT', hint: expect.stringContaining('the log rebuilds') }),
  );
});

test('a copy of a file that LMDB cannot open is STORE_CORRUPT, and the process lives; an empty file is no store', async () => {
  const path = await writtenStore(3);
  const file = join(path, 'tiles.mdb');
  const bytes = readFileSync(file);
  for (const damaged of [bytes.subarray(0, 5_000), bytes.subarray(0, 100), Buffer.alloc(20_000, 'x')]) {
    writeFileSync(file, damaged);
    await expect(copyOnlineStore(path, newRoot())).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  }
  writeFileSync(file, '');
  const to = newRoot();
  await copyOnlineStore(path, to);
  expect(existsSync(join(to, 'tiles.mdb'))).toBe(false);
});

test('a page that has lost its last entry, or says to be of a later transaction, is STORE_CORRUPT', async () => {
  const bytes = readFileSync(join(await writtenStore(20), 'tiles.mdb'));
  const isLeaf = (page: number) => bytes.readUInt16LE(page * 4_096 + 18) === 2;
  const leaves = Array.from({ length: bytes.length / 4_096 }, (_, page) => page).filter(
    (page) => page > 1 && isLeaf(page),
  );
  for (const [at, flipped] of [
    [20, 2],
    [13, 8],
  ]) {
    const damaged = Buffer.from(bytes);
    for (const page of leaves) damaged[page * 4_096 + at] ^= flipped;
    const path = newRoot();
    writeFileSync(join(path, 'tiles.mdb'), damaged);
    expect([at, await use(path)]).toEqual([at, 'STORE_CORRUPT']);
  }
});

test('whatever pages and bits of the file are damaged, the store is whole or STORE_CORRUPT, and the process lives', {
  timeout: 600_000,
}, async () => {
  const bytes = readFileSync(join(await writtenStore(20), 'tiles.mdb'));
  const pages = bytes.length / 4_096;
  const anyPage = fc.integer({ min: 2, max: pages - 1 });
  const anyDamage = fc.oneof(
    fc.record({
      kind: fc.constant('bit' as const),
      at: fc.integer({ min: 8_192, max: bytes.length - 1 }),
      bit: fc.nat(7),
    }),
    fc.record({ kind: fc.constant('zeros' as const), page: anyPage }),
    fc.record({
      kind: fc.constant('noise' as const),
      page: anyPage,
      noise: fc.uint8Array({ minLength: 4_096, maxLength: 4_096 }),
    }),
    fc.record({ kind: fc.constant('other' as const), page: anyPage, from: anyPage }),
  );
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(anyDamage, { minLength: 1, maxLength: 5 }), async (damages) => {
      const damaged = Buffer.from(bytes);
      for (const damage of damages) {
        if (damage.kind === 'bit') damaged[damage.at] ^= 1 << damage.bit;
        else if (damage.kind === 'zeros') damaged.fill(0, damage.page * 4_096, (damage.page + 1) * 4_096);
        else if (damage.kind === 'noise') damaged.set(damage.noise, damage.page * 4_096);
        else bytes.copy(damaged, damage.page * 4_096, damage.from * 4_096, (damage.from + 1) * 4_096);
      }
      const path = newRoot();
      writeFileSync(join(path, 'tiles.mdb'), damaged);
      const found = await use(path);
      seen.add(found);
      expect(['whole', 'STORE_CORRUPT']).toContain(found);
    }),
    { numRuns: 60 },
  );
  expect(seen).toEqual(new Set(['whole', 'STORE_CORRUPT']));
});

test('processes that read see what another commits, and no lock keeps them out', { timeout: 600_000 }, async () => {
  const path = newRoot();
  const writer = openOnlineStore({ path });
  await writer.writeTiles(numberedCommit(1));
  const child = spawn(process.execPath, [fileURLToPath(new URL('./store-reader.ts', import.meta.url)), path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: childEnv(),
  });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8');
  const saw = (commit: number) =>
    new Promise<void>((resolve, reject) => {
      const look = () => lines.includes(`${commit}`) && resolve();
      child.stdout.on('data', (text: string) => {
        lines.push(...text.trim().split('\n'));
        look();
      });
      child.once('exit', (code) => reject(new Error(`the reader ended with ${code} after ${lines}`)));
      look();
    });
  await saw(1);
  for (let commit = 2; commit <= 60; commit += 1) await writer.writeTiles(numberedCommit(commit));
  await saw(60);
  // Far more than the map that the reader opened with.
  const big = Array.from({ length: 12_000 }, (_, i) => tileOf(`big ${i}`, HOPS[0], 0, 1));
  for (let n = 1; n <= 2; n += 1)
    await writer.writeTiles({
      writer: 'big',
      position: {},
      tiles: big.map((tile) => ({ ...tile, key: `${tile.key} ${n}` })),
    });
  await writer.writeTiles(numberedCommit(61));
  await saw(61);
  child.kill('SIGKILL');
  await writer.close();
});

test('a full disk is STORE_WRITE, and the store has what was committed before', { timeout: 600_000 }, async () => {
  const path = newRoot();
  const limited = fileURLToPath(new URL('./full-store.ts', import.meta.url));
  const output = execFileSync(
    'bash',
    ['-c', `ulimit -f 2000; trap '' XFSZ; exec "$0" "$1" "$2"`, process.execPath, limited, path],
    {
      encoding: 'utf8',
    },
  );
  const [code, last, after] = output.trim().split('\n');
  expect([code, after]).toEqual(['STORE_WRITE', last]);
  const store = openOnlineStore({ path });
  expect(await mustAgree(store)).toBe(Number(last));
  await store.writeTiles(numberedCommit(Number(last) + 1));
  expect(await mustAgree(store)).toBe(Number(last) + 1);
  await store.close();
});

test('a directory that cannot be written is STORE_WRITE, and a store that is not there is STORE_ABSENT to one who reads', () => {
  const path = newRoot();
  writeFileSync(join(path, 'file'), '');
  expect(() => openOnlineStore({ path: join(path, 'file') })).toThrow(expect.objectContaining({ code: 'STORE_WRITE' }));
  mkdirSync(join(path, 'none'));
  expect(() => openOnlineStore({ path: join(path, 'none'), access: 'read' })).toThrow(
    expect.objectContaining({ code: 'STORE_ABSENT' }),
  );
  if (existsSync('/sys/kernel'))
    expect(() => openOnlineStore({ path: '/sys/kernel/none' })).toThrow(
      expect.objectContaining({ code: 'STORE_WRITE' }),
    );
});

test('a store of many commits keeps one tile a key, hop and start', async () => {
  const path = await writtenStore(80);
  const store = openOnlineStore({ path });
  expect(tilesOf(await allTiles(store, KEYS[0], HOPS[1]))).toEqual([[0, 80]]);
  await store.close();
});
