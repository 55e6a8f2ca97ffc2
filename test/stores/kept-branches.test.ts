import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { checkFile } from '../../src/backends/embedded/online/check-file.ts';
import { Entries } from '../../src/backends/embedded/online/entries.ts';
import { openDatabase } from '../../src/backends/embedded/online/open-database.ts';
import { MAPPED, uncheckedPages } from '../../src/backends/embedded/online/page-check.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { newRoot } from './new-root.ts';

const KEYS = 5_000;
const PAGE = 4_096;

const keyOf = (i: number) => Buffer.from(`key ${String((i * 7_919) % KEYS).padStart(6, '0')}`);
const contentOf = (i: number, round: number) =>
  Buffer.from(`${keyOf(i).toString()} in round ${round}. `.padEnd(120, '.'));

/** A file of many leaves. */
async function writtenFile(): Promise<string> {
  const path = join(newRoot(), 'entries.mdb');
  const entries = new Entries(openDatabase(path, 'write'), path);
  for (let from = 0; from < KEYS; from += 1_000)
    entries.write(() => {
      for (let i = from; i < from + 1_000; i += 1) entries.put(keyOf(i), contentOf(i, 0));
    });
  await entries.close();
  return path;
}

/** The entries of a file whose branches are checked, and none of its leaves. */
function openUnchecked(path: string): Entries {
  const pages = uncheckedPages(readFileSync(path).length / PAGE);
  new Int32Array(pages.state)[MAPPED] = 1;
  const entries = new Entries(openDatabase(path, 'write'), path, pages);
  onTestFinished(() => entries.close());
  return entries;
}

test.each([1, 2])('reads, writes and removals of unchecked leaves are those of a map (seed %i)', async (seed) => {
  const entries = openUnchecked(await writtenFile());
  const random = seededRandom(seed);
  const any = () => Math.floor(random() * KEYS);
  const model = new Map(Array.from({ length: KEYS }, (_, i) => [i, contentOf(i, 0)]));
  for (let round = 1; round <= 40; round += 1) {
    const mustAnswer = (i: number) => {
      const value = entries.get(keyOf(i));
      expect([i, value === undefined ? undefined : Buffer.from(value).toString()]).toEqual([
        i,
        model.get(i)?.toString(),
      ]);
    };
    for (let n = 0; n < 100; n += 1) mustAnswer(any());
    // Whole leaves lose their keys, so that their pages are used again.
    const [gone, changed] = [any(), Array.from({ length: 50 }, any)];
    const order = Array.from({ length: 300 }, (_, n) => (gone + n * 4_079) % KEYS);
    entries.write(() => {
      for (const i of order.filter(() => round % 2 === 0)) {
        entries.remove(keyOf(i));
        model.delete(i);
      }
      for (const i of changed) {
        entries.put(keyOf(i), contentOf(i, round));
        model.set(i, contentOf(i, round));
      }
    });
    for (const i of [...order.slice(0, 40), ...changed]) mustAnswer(i);
  }
});

test('a list of free pages that takes several pages of its own is read whole', async () => {
  const path = await writtenFile();
  const entries = new Entries(openDatabase(path, 'write'), path);
  entries.write(() => {
    for (let i = 0; i < KEYS; i += 2) entries.remove(keyOf(i));
  });
  // Pages that a reader sees are not used again, so each transaction leaves a list.
  const reader = open({ path, noSubdir: true, readOnly: true, encoding: 'binary', keyEncoding: 'binary' });
  const seen = reader.useReadTransaction();
  for (let round = 0; round < 200; round += 1)
    entries.write(() => {
      for (let n = 0; n < 10; n += 1) entries.put(keyOf(2 * ((round * 10 + n) % 400) + 1), contentOf(n, round));
    });
  seen.done();
  await reader.close();
  await entries.close();
  expect(checkFile(path, { kind: 'branches' })).toMatchObject({ isWhole: false });
});

test('a damaged leaf is found at its first read, by branches that were kept', async () => {
  const path = await writtenFile();
  const bytes = readFileSync(path);
  const pageOf = (i: number) => Math.floor(bytes.lastIndexOf(contentOf(i, 0)) / PAGE);
  const damaged = pageOf(5);
  // The number of a page of the newest tree.
  bytes.writeUInt32LE(1, damaged * PAGE);
  writeFileSync(path, bytes);
  const entries = openUnchecked(path);
  const codes = new Map<string, Set<unknown>>();
  for (let i = 0; i < KEYS; i += i < 1_000 ? 1 : 13) {
    const where = pageOf(i) === damaged ? 'damaged' : 'whole';
    let code: unknown = null;
    try {
      expect(Buffer.from(entries.get(keyOf(i)) ?? []).toString()).toBe(contentOf(i, 0).toString());
    } catch (error) {
      code = error instanceof Error && 'code' in error ? error.code : error;
    }
    codes.set(where, (codes.get(where) ?? new Set()).add(code));
  }
  expect(codes).toEqual(
    new Map<string, Set<unknown>>([
      ['whole', new Set([null])],
      ['damaged', new Set(['STORE_CORRUPT'])],
    ]),
  );
});
