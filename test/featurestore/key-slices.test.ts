import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { fail } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import {
  bool,
  count,
  decimal,
  entity,
  eventSource,
  int,
  int64,
  last,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { allTiles } from '../../src/featurestore/backfill/backfill.ts';
import { type KeySlice, KeySlices, keyOrder } from '../../src/featurestore/backfill/key-slices.ts';
import type { OfflineStore, OfflineValue } from '../../src/ports/offline-store.ts';
import { eachFittingSlice } from '../../src/schedule/fitting-slices.ts';

const EVENTS = 1_500;
const columns = { text: text(), int: int(), int64: int64(), bool: bool(), decimal: decimal(2), time: time() };
type Column = keyof typeof columns;

const events = eventSource('events', { id: 'id', time: 'at', columns: { id: text(), at: time(), ...columns } });
const viewOf = (name: string, key: readonly Column[]) =>
  streamView(name, {
    source: events,
    entity: entity(name, Object.fromEntries(key.map((column) => [column, columns[column]]))),
    key: Object.fromEntries(key.map((column) => [column, column])),
    freshness: '1s',
    windows: ['1h'],
    features: (e) => ({ events: count(), last: last(e.text) }),
  });

const keys: readonly (readonly Column[])[] = [
  ...Object.keys(columns).map((column): Column[] => [column as Column]),
  ['text', 'int'],
  ['bool', 'text'],
  ['decimal', 'time', 'int64'],
];

const TEXTS = ["it's", '', 'Zoë', '🙂', '" OR 1=1 --', 'a', 'b'];

const root = mkdtempSync(join(tmpdir(), 'key-slices-'));

/** A history of events, of which a third are of one key. */
async function history(): Promise<OfflineStore> {
  const random = seededRandom(5);
  const one = (below: number) => Math.floor(random() * below);
  const offline = await openOfflineStore({ path: root, access: 'write', clock: () => 0 });
  const value = (i: number): OfflineValue[] => {
    const n = i % 3 === 0 ? 7 : one(1_000);
    const words = n < TEXTS.length ? TEXTS[n] : `user ${n}`;
    return [words, BigInt(n - 500), BigInt(n) * 2n ** 53n, n % 2 === 0, BigInt(n * 25 - 500), BigInt(n * 1_000 + 1e12)];
  };
  const rows = Array.from({ length: EVENTS }, (_, i) => [`e${i}`, 1_760_000_000_000n + BigInt(i), ...value(i)]);
  const table = rawTable(events);
  const own = [
    rows.map((row) => row[1]),
    rows.map(() => 0n),
    rows.map((_, i) => BigInt(i)),
    rows.map(() => 'accepted'),
  ];
  const tables = [{ table, rows: EVENTS, columns: [...rows[0].map((_, c) => rows.map((row) => row[c])), ...own] }];
  await offline.publish({ writer: 'archive', position: {}, mode: 'append', tables });
  return offline;
}

const offline = await history();
afterAll(async () => {
  await offline.close();
  rmSync(root, { recursive: true, force: true });
});

/** The keys of a view in the order of a store. */
async function keysOf(key: readonly Column[], where = 'true'): Promise<readonly string[]> {
  const layout = tileLayout(viewOf('v', key));
  const named = key.map((column) => `"${column}" AS k_${column}`).join(', ');
  const sql = `SELECT DISTINCT ${keyOrder(layout).join(', ')} FROM (SELECT ${named} FROM ${offline.relation(rawTable(events))})
WHERE ${where} ORDER BY ALL`;
  const found: string[] = [];
  for await (const some of offline.query(sql)) found.push(...some.map((row) => row.map(String).join('|')));
  return found;
}

test.each(keys.map((key) => [key.join(' and '), key] as const))(
  'slices of keys by %s follow each other and have every key once, however often they are halved',
  async (_, key) => {
    const slices = await KeySlices.of(tileLayout(viewOf('v', key)), offline, 500);
    const all = await keysOf(key);
    // Of two keys there is nothing to halve twice.
    for (const refusals of key[0] === 'bool' && key.length === 1 ? [0] : [0, 2]) {
      const found: string[] = [];
      let calls = 0;
      const slice = async ({ where }: KeySlice) => {
        calls += 1;
        if (calls <= refusals) throw fail('OFFLINE_MEMORY', { limit: '1MiB' });
        found.push(...(await keysOf(key, where)));
      };
      await eachFittingSlice(slices.all, slice, { cut: slices.cut });
      expect([refusals, found]).toEqual([refusals, all]);
      expect(calls).toBeGreaterThan(1 + refusals);
    }
  },
);

test.each([undefined, 'files'])('the tiles of slices are those of all keys at once, sorted in %s', async (kind) => {
  const fills = [viewOf('by_text', ['text']), viewOf('by_two', ['text', 'int'])].map((view) => ({
    layout: tileLayout(view),
    areAll: true,
  }));
  const scratch = kind === undefined ? undefined : join(root, 'fill-');
  const tilesOf = async (from: OfflineStore) => {
    const tiles: string[] = [];
    for await (const writes of allTiles(fills, from, null, scratch))
      for (const { layout, hopMs, key, run, index } of writes)
        tiles.push(JSON.stringify([layout.view.name, hopMs, key, [...run.nums], run.objs, index]));
    return tiles;
  };
  const whole = await tilesOf(offline);
  let refused = 0;
  const tight: OfflineStore = new Proxy(offline, {
    get: (of, name) => {
      const member: unknown = Reflect.get(of, name);
      if (typeof member !== 'function') return member;
      if (name !== 'exportParquet' && name !== 'query') return member.bind(of);
      return (sql: string, ...rest: readonly unknown[]) => {
        // All keys at once, and the first half of them, find no memory.
        if (sql.includes('of_hops') && refused < 2) {
          refused += 1;
          throw fail('OFFLINE_MEMORY', { limit: '1MiB' });
        }
        return member.call(of, sql, ...rest);
      };
    },
  });
  expect(await tilesOf(tight)).toEqual(whole);
  expect(refused).toBe(2);
});
