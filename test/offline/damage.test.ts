import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { copyOfflineStore } from '../../src/backends/embedded/offline/copy-offline-store.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { OfflineStore, OfflineTable, OfflineValue, RowBatch } from '../../src/ports/offline-store.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { backUpEnvironment } from '../../src/site/back-up.ts';
import { repairHistory } from '../../src/site/history-files.ts';
import { runs } from '../runs.ts';

const RUNS = runs(80, 3_000);

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'damage-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const events: OfflineTable = {
  name: 'events/clicks@1',
  columns: { id: 'STRING', at: 'BIGINT', price: 'DECIMAL', score: 'DOUBLE', tags: 'LIST<STRING>', ok: 'BOOLEAN' },
};
const tiles: OfflineTable = { name: 'tiles/by_user@1/60000', columns: { k_user: 'STRING', n: 'BIGINT', raw: 'BLOB' } };
const ROWS = 400;

function batch(table: OfflineTable, from: number): RowBatch {
  const cell = (type: string, i: number): OfflineValue => {
    if (i % 11 === 0) return null;
    if (type === 'STRING') return `text ${i * 7919}`;
    if (type === 'DOUBLE') return Math.sin(i);
    if (type === 'BOOLEAN') return i % 3 === 0;
    if (type === 'BLOB') return Buffer.from([i % 256, 1, 2]);
    return type === 'LIST<STRING>' ? [`tag ${i % 5}`] : BigInt(i * 104_729);
  };
  const columns = Object.values(table.columns).map((type) =>
    Array.from({ length: ROWS }, (_, i) => cell(type, from + i)),
  );
  return { rows: ROWS, columns };
}

/** A store of two tables with three files. */
async function written(path: string): Promise<void> {
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  const publish = (table: OfflineTable, from: number) =>
    store.publish({ writer: 'w', position: { t: [from] }, mode: 'append', tables: [{ table, ...batch(table, from) }] });
  await publish(events, 0);
  await publish(events, ROWS);
  await publish(tiles, 0);
  await store.close();
}

/** The files that outlive a process. */
function durableFiles(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(json|parquet)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

type Answer = { readonly rows: unknown } | { readonly code: string; readonly message: string };

/** Everything that a process reads of a store. */
async function answerOf(path: string): Promise<Answer> {
  let store: OfflineStore | undefined;
  try {
    store = await openOfflineStore({ path, access: 'read', clock: Date.now, threads: 1 });
    const rows: unknown[] = [store.position('w'), store.tables()];
    for (const table of [events, tiles])
      for await (const some of store.query(`SELECT * FROM ${store.relation(table)}`)) rows.push(...some);
    return { rows };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return { code: String(error.code), message: error.message };
  } finally {
    await store?.close();
  }
}

type Damage = (bytes: Buffer, at: number, random: number) => Buffer;

const damages: Readonly<Record<string, Damage>> = {
  bit: (bytes, at, random) => {
    bytes[at] ^= 1 << (random % 8);
    return bytes;
  },
  'four bytes': (bytes, at, random) => {
    for (let i = at; i < Math.min(at + 4, bytes.length); i += 1) bytes[i] ^= ((random >> (i % 4)) & 0xff) | 1;
    return bytes;
  },
  'a page of zeros': (bytes, at) => bytes.fill(0, at, Math.min(at + 4_096, bytes.length)),
  'two swapped stretches': (bytes, at, random) => {
    const to = random % bytes.length;
    const [one, other] = [Buffer.from(bytes.subarray(at, at + 16)), Buffer.from(bytes.subarray(to, to + 16))];
    if (one.length < 16 || other.length < 16 || Math.abs(at - to) < 16) return bytes;
    other.copy(bytes, at);
    one.copy(bytes, to);
    return bytes;
  },
  'a cut': (bytes, at) => bytes.subarray(0, at),
};

test('damage at any place of any file gives a coded error or the same answer, never another', async () => {
  const path = directory();
  await written(path);
  const files = durableFiles(path);
  const wanted = await answerOf(path);
  expect(wanted).toHaveProperty('rows');
  const originals = new Map(files.map((file) => [file, readFileSync(file)]));
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.constantFrom(...Object.keys(damages)),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.nat(),
      async (file, kind, place, random) => {
        const original = originals.get(file) ?? Buffer.alloc(0);
        const bytes = damages[kind](Buffer.from(original), Math.floor(place * original.length), random);
        writeFileSync(file, bytes);
        const answer = await answerOf(path).finally(() => writeFileSync(file, original));
        const outcome = 'code' in answer ? answer.code : 'the same';
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        if (bytes.equals(original)) expect(answer).toEqual(wanted);
        else if ('rows' in answer) expect(answer).toEqual(wanted);
        else {
          expect(['OFFLINE_CORRUPT', 'OFFLINE_VERSION']).toContain(answer.code);
          expect(answer.message).toContain(file);
        }
      },
    ),
    { numRuns: RUNS },
  );
  expect(seen.get('OFFLINE_CORRUPT')).toBeGreaterThan(0);
  if (RUNS > 300) console.log(Object.fromEntries(seen));
}, 600_000);

test('a damaged file gets into no file that is made of it: not merged, not erased from, not copied', async () => {
  const path = directory();
  await written(path);
  const [damaged] = durableFiles(path).filter((file) => file.includes('events'));
  const original = readFileSync(damaged ?? '');
  const bytes = Buffer.from(original);
  bytes[Math.floor(bytes.length / 2)] ^= 1;
  writeFileSync(damaged ?? '', bytes);
  const corrupt = { code: 'OFFLINE_CORRUPT', facts: { file: damaged } };
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(() => store.close());
  const before = store.tables();
  await expect(store.compact(events.name)).rejects.toMatchObject(corrupt);
  await expect(store.erase(events.name, `id = 'text 7919'`)).rejects.toMatchObject(corrupt);
  await expect(store.withFiles([events], async () => undefined)).rejects.toMatchObject(corrupt);
  const out = join(directory(), 'out.parquet');
  await expect(store.exportParquet(`SELECT * FROM ${store.relation(events)}`, out)).rejects.toMatchObject(corrupt);
  await expect(copyOfflineStore(path, join(directory(), 'copy'))).rejects.toMatchObject(corrupt);
  expect(store.tables()).toEqual(before);
  // Other tables are read and written on.
  for await (const rows of store.query(`SELECT COUNT(*) FROM ${store.relation(tiles)}`)) expect(rows).toEqual([[400n]]);
  await store.publish({
    writer: 'w',
    position: { t: [9] },
    mode: 'append',
    tables: [{ table: events, ...batch(events, 0) }],
  });
});

test('a check names every damaged file, and a repair puts back what a copy has as it was published, alone', async () => {
  const path = directory();
  await written(path);
  const copy = directory();
  await copyOfflineStore(path, copy);
  const wanted = await answerOf(path);
  const files = durableFiles(path).filter((file) => file.endsWith('.parquet'));
  await fc.assert(
    fc.asyncProperty(
      fc.subarray([...files], { minLength: 1 }),
      fc.boolean(),
      fc.boolean(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      async (hit, isGone, isCopyDamaged, place) => {
        for (const file of hit) isGone ? rmSync(file) : flip(file, place);
        const [first = ''] = hit;
        const inCopy = first.replace(path, copy);
        if (isCopyDamaged) flip(inCopy, place);
        const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
        const named = (await store.check()).map(({ file }) => file);
        expect(new Set(named)).toEqual(new Set(hit));
        expect(await store.repair(copy)).toBe(hit.length - (isCopyDamaged ? 1 : 0));
        expect(store.damaged().map(({ file }) => file)).toEqual(isCopyDamaged ? [first] : []);
        expect(readdirSync(path, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))).toEqual([]);
        if (isCopyDamaged) {
          flip(inCopy, place);
          expect(await store.repair(copy)).toBe(1);
        }
        await store.close();
        expect(await answerOf(path)).toEqual(wanted);
      },
    ),
    { numRuns: runs(6, 150) },
  );
});

test('a file that may not be read is an error of a check, not a whole file', async () => {
  const path = directory();
  await written(path);
  const check = () =>
    execFileSync(
      process.execPath,
      [...process.execArgv, fileURLToPath(new URL('./check-history.ts', import.meta.url)), path],
      {
        encoding: 'utf8',
      },
    );
  chmodSync(path, 0o755);
  expect(check()).toBe('0 damaged');
  const [file = ''] = durableFiles(path).filter((name) => name.endsWith('.parquet'));
  chmodSync(file, 0);
  expect(check()).toBe('OFFLINE_UNREADABLE');
});

/** Flips a bit; twice is not at all. */
function flip(file: string, place: number): void {
  const bytes = readFileSync(file);
  bytes[Math.floor(place * bytes.length)] ^= 4;
  writeFileSync(file, bytes);
}

const clicks = eventSource('clicks', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ n: count() }),
});
const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ clicks: lookup(byUser, { user: r.user }) }),
});

test('a server finds damage while it is idle and says so; a backup does not take it, and puts it back', async () => {
  const root = directory();
  const environment = resolveEnvironment('local', { directory: root }, 'site');
  const open = () => openHeadrace({ project: defineProject('site', { service }), environment: { directory: root } });
  const first = await open();
  await first.ingest(clicks, [{ id: 'a', at: Date.now(), user: 'ann' }]);
  await first.close();
  const backup = join(directory(), 'backup');
  await backUpEnvironment(environment, backup, 1);
  const files = durableFiles(join(root, 'offline')).filter((file) => file.endsWith('.parquet'));
  const [damaged = ''] = files.filter((file) => file.includes('events'));
  flip(damaged, 0.5);
  const second = await open();
  const real = performance.now.bind(performance);
  const state = { ahead: 0 };
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + state.ahead);
  try {
    for (let turn = 0; second.degraded().length === 0; turn += 1) {
      expect(turn, 'turns without a word of the damage').toBeLessThan(1_000);
      state.ahead += 11_000;
      await second.tick();
    }
    expect(second.degraded().join()).toContain(damaged);
    expect((await second.metrics()).text).toContain('headrace_history_files_damaged 1\n');
  } finally {
    clock.mockRestore();
    await second.close();
  }
  const again = join(directory(), 'again');
  await expect(backUpEnvironment(environment, again, 2)).rejects.toMatchObject({ code: 'OFFLINE_CORRUPT' });
  expect(await repairHistory(environment, backup)).toEqual({ damaged: 1, repaired: 1 });
  expect(await repairHistory(environment, backup)).toEqual({ damaged: 0, repaired: 0 });
  await backUpEnvironment(environment, join(directory(), 'later'), 3);
});
