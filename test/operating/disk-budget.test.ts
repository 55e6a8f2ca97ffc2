import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { DiskBudget } from '../../src/featurestore/disk/disk-budget.ts';
import { readWindow } from '../../src/monitoring/served/read-window.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { project, purchases, service } from '../loop/shop.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1, 12);

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-disk-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

let sent = 0;
const someEvents = (now: number, count: number) =>
  Array.from({ length: count }, () => {
    sent += 1;
    return {
      purchase: `p${sent}`,
      at: now - (sent % 300) * 1_000,
      user: `u${sent % 50}`,
      item: `i${sent % 9}`,
      cents: sent % 997,
    };
  });

function open(directory: string, disk: { bytesPerDay?: number }, clock: () => number): Promise<Headrace> {
  return openHeadrace({
    project,
    environment: { directory, partitions: 2, sampleRate: 1, disk },
    clock,
  });
}

function bytesBelow(path: string, ending: string): number {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

test('what a day adds is counted by part as it is on the disk, over restarts too, and the next day begins at nothing', async () => {
  const directory = newDirectory();
  let now = START;
  let headrace = await open(directory, {}, () => now);
  await headrace.ingest(purchases, someEvents(now, 400));
  await headrace.vector(service, { user: 'u1' });
  await headrace.flush();
  const first = headrace.status().disk;
  expect(first).toMatchObject({ bytes: null, bytesPerDay: null, over: null, todayRecords: 400, yesterdayBytes: 0 });
  // Profiles of vectors are handed over after it: the next flush counts them.
  expect(first.today.log).toBe(bytesBelow(join(directory, 'log/topics'), '.log'));
  const inHistory = (folder: string) => bytesBelow(join(directory, 'offline/tables', folder), '.parquet');
  for (const part of ['events', 'tiles'] as const) expect(first.today[part], part).toBe(inHistory(part));
  expect(first.today.served, 'vectors and their profiles').toBe(inHistory('served') + inHistory('profiles'));
  expect(first.kept).toEqual(first.today);
  expect(first.elsewhereBytes).toBeGreaterThan(0);
  await headrace.close();
  headrace = await open(directory, {}, () => now);
  expect(headrace.status().disk.kept, 'before the first flush too').toEqual(first.kept);
  await headrace.ingest(purchases, someEvents(now, 100));
  await headrace.flush();
  const second = headrace.status().disk;
  expect(second.todayRecords).toBe(500);
  const logged = bytesBelow(join(directory, 'log/topics'), '.log');
  expect(Math.abs(second.today.log - logged), 'by the mean size of a record').toBeLessThan(logged / 50);
  expect(second.today.events).toBeGreaterThan(first.today.events);
  now += DAY;
  await headrace.ingest(purchases, someEvents(now, 10));
  await headrace.flush();
  const third = headrace.status().disk;
  expect(third.todayRecords).toBe(10);
  expect(third.yesterdayBytes).toBeGreaterThanOrEqual(second.todayBytes);
  expect((await headrace.metrics()).text).toMatch(/headrace_disk_day_bytes\{part="log"\} [1-9]/);
  await headrace.close();
});

test('beyond the budget of the day events are refused before any is acknowledged, what was acknowledged stays, and the next day takes them', async () => {
  const directory = newDirectory();
  let now = START;
  const headrace = await open(directory, { bytesPerDay: 100_000 }, () => now);
  let acknowledged = 0;
  let refused = 0;
  for (let i = 0; i < 100; i += 1) {
    try {
      acknowledged += (await headrace.ingest(purchases, someEvents(now, 50))).accepted;
    } catch (error) {
      expect(error).toMatchObject({ code: 'DISK_DAY', retry: 'later', facts: { until: '2026-01-02T00:00:00.000Z' } });
      refused += 50;
    }
    if (i % 5 === 0) {
      await headrace.vector(service, { user: 'u1' });
      await headrace.flush();
    }
  }
  const { disk, degraded } = headrace.status();
  expect(acknowledged).toBeGreaterThan(0);
  expect(disk).toMatchObject({ over: 'day', refusedEvents: refused, todayRecords: acknowledged });
  // One flush takes more than was estimated.
  expect(disk.todayBytes).toBeLessThan(130_000);
  expect(disk.skippedRows).toBeGreaterThan(0);
  expect(degraded).toEqual([expect.stringMatching(/disk budget of the day/)]);
  expect(headrace.counters(purchases).admission.accepted).toBe(acknowledged);
  now += DAY / 2;
  expect(await headrace.ingest(purchases, someEvents(now, 50))).toMatchObject({ accepted: 50 });
  expect(headrace.status().degraded).toEqual([]);
  await headrace.close();
  const again = await open(directory, { bytesPerDay: 100_000 }, () => now);
  let rows = 0;
  for await (const [[count]] of again.history.query(`SELECT COUNT(*) FROM (${again.deliveries(purchases)})`))
    rows += Number(count);
  expect(rows).toBe(acknowledged + 50);
  // The counts of vectors waited for the next day: the first has them all, and says what its profiles lack.
  const day = await readWindow(again.history, service, null, { from: START - DAY / 2, to: START + DAY / 2 });
  expect(day?.served).toBe(20);
  expect(day?.profiled).toBeLessThan(20);
  await again.close();
});

test('a ledger that cannot be read is reported, and counted again', async () => {
  const directory = newDirectory();
  const ledgerPath = join(directory, 'disk.json');
  for (const text of ['', '{"format":2}', '{"format":1,"ends":{},"days":{"today":{}}}']) {
    writeFileSync(ledgerPath, text);
    const faults: unknown[] = [];
    const budget = new DiskBudget({
      bytes: Number.POSITIVE_INFINITY,
      bytesPerDay: 1,
      ledgerPath,
      clock: () => START,
      elsewhere: () => 0,
      onFault: (error) => faults.push(error),
    });
    expect(faults).toEqual([expect.objectContaining({ code: 'DISK_LEDGER' })]);
    expect(budget.report().todayBytes).toBe(0);
  }
});

const raw = { name: 'events/a@1', columns: { id: 'STRING', _ingest_ts: 'BIGINT' } } as const;
const served = { name: 'served/s@1', columns: { _id: 'STRING', _at: 'BIGINT' } } as const;

test('beyond the budget of the whole the oldest goes: the log first, then what is logged, then events; refused is what still does not fit', async () => {
  const directory = newDirectory();
  const log = openEventLog({ path: join(directory, 'log'), durability: 'process', segmentBytes: 2_000 });
  const offline = await openOfflineStore({ path: join(directory, 'offline'), access: 'write', clock: () => START });
  onTestFinished(async () => {
    await offline.close();
    await log.close();
  });
  log.openTopic('a@1', 1);
  const payload = Buffer.alloc(100, 'x');
  for (let i = 0; i < 100; i += 1) await log.append('a@1', 0, [{ id: `e${i}`, ts: i, ingestTs: i, payload }]);
  for (let n = 0; n < 20; n += 1)
    await offline.publish({
      writer: 'w',
      position: {},
      mode: 'append',
      tables: [raw, served].map((table) => ({ table, rows: 1, columns: [[`id-${n}`], [n]] })),
    });
  const sizeOf = (name: string) => offline.tables().find(({ table }) => table.name === name)?.sizeBytes ?? 0;
  const [rawBytes, servedBytes, logBytes] = [
    sizeOf(raw.name),
    sizeOf(served.name),
    (await log.ends('a@1'))[0].sizeBytes,
  ];
  let elsewhere = 0;
  const all = rawBytes + servedBytes + logBytes;
  const settle = async (bytes: number) => {
    const budget = new DiskBudget({
      bytes,
      bytesPerDay: Number.POSITIVE_INFINITY,
      ledgerPath: join(directory, 'disk.json'),
      clock: () => START,
      elsewhere: () => elsewhere,
      onFault: (error) => expect.unreachable(String(error)),
      tableFloorBytes: 1,
    });
    await budget.settle({
      log,
      offline,
      topics: ['a@1'],
      sources: new Set(['a@1']),
      shrinkLog: async (excess) =>
        log.retain('a@1', {
          olderThanIngestTs: Number.NEGATIVE_INFINITY,
          maxBytes: (await log.ends('a@1'))[0].sizeBytes - excess,
          keepFrom: [80],
        }),
    });
    return budget;
  };
  const taken = (budget: DiskBudget) =>
    Object.entries(budget.report().trimmed)
      .filter(([, bytes]) => bytes > 0)
      .map(([part]) => part);
  expect(taken(await settle(all))).toEqual([]);
  expect(taken(await settle(all - 3_000))).toEqual(['log']);
  expect(taken(await settle(rawBytes + servedBytes - 1_000))).toEqual(['log', 'served']);
  expect((await log.ends('a@1'))[0], 'what a reader needs of the log stays').toMatchObject({ end: 100 });
  expect((await log.ends('a@1'))[0].begin).toBeLessThanOrEqual(80);
  const small = await settle((await log.ends('a@1'))[0].sizeBytes + rawBytes / 2);
  expect(taken(small)).toEqual(['events', 'served']);
  expect(sizeOf(served.name)).toBe(0);
  const kept: string[] = [];
  for await (const rows of offline.query(`SELECT id FROM ${offline.relation(raw)} ORDER BY _ingest_ts`))
    kept.push(...rows.map(([id]) => String(id)));
  expect(kept, 'the newest').toEqual(Array.from({ length: kept.length }, (_, i) => `id-${20 - kept.length + i}`));
  expect(kept.length).toBeGreaterThan(0);
  expect(() => small.mustTake(1)).not.toThrow();
  elsewhere = all;
  const full = await settle(all / 2);
  expect(() => full.mustTake(3)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
  expect(full.mayLog(2)).toBe(false);
  expect(full.report()).toMatchObject({ over: 'total', refusedEvents: 3, skippedRows: 2 });
});
