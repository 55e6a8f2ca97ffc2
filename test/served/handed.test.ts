import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { handedFolder } from '../../src/monitoring/served/handed-folder.ts';
import { decodeHandedRows, encodeHandedRows, HandedRows } from '../../src/monitoring/served/handed-rows.ts';
import { HandingOver } from '../../src/monitoring/served/handing-over.ts';
import { decodeProfileRow, encodeProfileRow, PROFILE_TOPIC } from '../../src/monitoring/served/profile-row.ts';
import { ProfileTopic } from '../../src/monitoring/served/profile-topic.ts';
import { readWindow } from '../../src/monitoring/served/read-window.ts';
import { type HandedBatch, type HandOver, MOST_HANDED } from '../../src/ports/hand-over.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { openReader } from '../../src/running/reader.ts';
import { childEnv } from '../child-env.ts';
import { killProcess } from '../kill-process.ts';
import { asked, service } from '../models/small-project.ts';
import { until } from '../until.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const READING = fileURLToPath(new URL('./reading-process.ts', import.meta.url));
const project = defineProject('served', { asked, service });

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-handed-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const rowOf = (minute: number, served: number) =>
  encodeProfileRow({
    service: 'small@1',
    host: 'h',
    process: 'p',
    begins: START + minute * MINUTE_MS,
    ends: START + (minute + 1) * MINUTE_MS,
    feature: '',
    served,
    rows: served,
    texts: [],
    profile: null,
  });

test('rows that were handed over are in the log once, whatever answers are lost and whenever the writer dies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.constantFrom('ok', 'lost answer', 'refused', 'dies while it appends', 'dies before it drops'), {
        maxLength: 12,
      }),
      async (sizes, faults) => {
        const path = mkdtempSync(join(tmpdir(), 'headrace-handed-'));
        const log = openEventLog({ path, durability: 'process' });
        const topic = await ProfileTopic.open(log, () => START);
        const list: HandedBatch[] = [];
        const next = () => faults.shift() ?? 'ok';
        const way: HandOver = {
          push: async (batch) => {
            const fault = next();
            if (fault === 'refused') return false;
            list.push(batch);
            if (fault === 'lost answer') throw new Error('no answer');
            return true;
          },
          peek: async (most) => list.slice(0, most),
          drop: async (ids) => {
            if (next() === 'dies before it drops') throw new Error('dead');
            list.splice(0, ids.length);
          },
        };
        const take = async (rows: readonly Uint8Array[], batch: string) => {
          if (next() !== 'dies while it appends') return topic.append(rows, batch);
          await topic.append(rows.slice(0, rows.length >> 1), batch);
          throw new Error('dead');
        };
        // Each failure is the end of a writer: the next one knows the log alone.
        const newWriter = () =>
          new HandedRows({ ways: [way], topic, take, onFault: (error) => expect.unreachable(String(error)) });
        let writer = newWriter();
        const handing = new HandingOver({ way, clock: () => START, process: 'p' });
        let wanted = 0;
        for (const size of sizes) {
          const rows = Array.from({ length: size }, (_, i) => rowOf(i, wanted + i + 1));
          wanted += size;
          await handing.add(rows).catch(() => undefined);
          await writer.takeAll().catch(() => {
            writer = newWriter();
          });
        }
        while (handing.waiting + list.length > 0) {
          await handing.add([]).catch(() => undefined);
          await writer.takeAll().catch(() => {
            writer = newWriter();
          });
        }
        const { records } = await log.read(PROFILE_TOPIC, 0, 0, 10_000);
        expect(records.map(({ payload }) => decodeProfileRow(payload).served).sort((a, b) => a - b)).toEqual(
          Array.from({ length: wanted }, (_, i) => i + 1),
        );
        await log.close();
        rmSync(path, { recursive: true, force: true });
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});

test('a batch reads as it was written, in its first format too; damaged ones are left out and reported', async () => {
  const rows = [rowOf(0, 3), rowOf(1, 4)];
  expect(decodeHandedRows(encodeHandedRows(rows))).toEqual(rows);
  const fixture = Uint8Array.from(readFileSync(new URL('./formats/handed-rows-1', import.meta.url)));
  expect(decodeHandedRows(fixture)).toEqual(rows);
  for (let length = 0; length < fixture.length; length += 1)
    expect(() => decodeHandedRows(fixture.subarray(0, length))).toThrow();
  const directory = newDirectory();
  const way = handedFolder(directory);
  await way.push({ id: 'a', bytes: Uint8Array.of(9) });
  await way.push({ id: 'b', bytes: encodeHandedRows(rows) });
  writeFileSync(join(directory, 'unsent-profiles/handed/c.rows.tmp'), 'of a process that died');
  const log = openEventLog({ path: join(directory, 'log'), durability: 'process' });
  const topic = await ProfileTopic.open(log, () => START);
  const faults: unknown[] = [];
  await new HandedRows({
    ways: [way],
    topic,
    take: (some, batch) => topic.append(some, batch),
    onFault: (error) => faults.push(error),
  }).takeAll();
  expect(faults).toEqual([expect.objectContaining({ code: 'DRIFT_PROFILE' })]);
  expect((await log.ends(PROFILE_TOPIC))[0].end).toBe(2);
  expect(await way.peek(9)).toEqual([]);
  await log.close();
});

test('beyond the bytes that a process keeps, the oldest rows keep their counts alone', async () => {
  let isFull = true;
  const given: HandedBatch[] = [];
  const way: HandOver = {
    push: async (batch) => {
      if (!isFull) given.push(batch);
      return !isFull;
    },
    peek: async () => [],
    drop: async () => undefined,
  };
  const handing = new HandingOver({ way, clock: () => START, process: 'p' });
  const large = (minute: number) => {
    const row = decodeProfileRow(rowOf(minute, 5));
    return [rowOf(minute, 5), encodeProfileRow({ ...row, feature: 'x', profile: new Uint8Array(3 * 2 ** 20) })];
  };
  for (let minute = 0; minute < 30; minute += 1) await handing.add(large(minute));
  const vectors = () => handing.counts().reduce((sum, count) => sum + count.vectors, 0);
  expect([vectors(), handing.lostRows > 0]).toEqual([150, true]);
  isFull = false;
  await handing.add([]);
  expect([handing.waiting, vectors()]).toEqual([0, 0]);
  const rows = given.flatMap(({ bytes }) => decodeHandedRows(bytes)).map(decodeProfileRow);
  const counts = rows.filter(({ feature }) => feature === '');
  expect(counts.reduce((sum, { served }) => sum + served, 0)).toBe(150);
  const profiled = counts.reduce((sum, row) => sum + row.rows, 0);
  expect(profiled).toBeLessThan(150);
  expect(MOST_HANDED).toBeGreaterThan(1_000);
});

test('vectors of a process that only reads are in the window of the monitor; of a killed one the window says how many it lacks', async () => {
  const directory = newDirectory();
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => START });
  const windowOf = async () => {
    await headrace.flush();
    return readWindow(headrace.history, service, null, { from: START, to: START + 3 * MINUTE_MS });
  };
  const reader = await openReader({ project, environment: { directory }, clock: () => START });
  for (let i = 0; i < 70; i += 1) await reader.read(service, { name: 'n', number: i, gaps: null, category: i % 4 });
  await reader.close();
  expect(await windowOf()).toMatchObject({ served: 70, profiled: 70, processes: 1 });
  const args = ['--conditions=headrace-source', READING, directory, '300', '120'];
  const child = spawn(process.execPath, args, { env: childEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  const noted = () =>
    readdirSync(join(directory, 'unsent-profiles'))
      .filter((name) => name.endsWith('.json'))
      .some((name) => readFileSync(join(directory, 'unsent-profiles', name), 'utf8').includes('"vectors":120'));
  await killProcess(child, { lines: 1, first: () => until(noted) });
  expect(await windowOf()).toMatchObject({ served: 370, profiled: 370, processes: 2 });
  // The next process of the directory, whoever it is, finds the counts.
  const next = await openReader({ project, environment: { directory }, clock: () => START });
  await next.close();
  expect(await windowOf()).toMatchObject({ served: 490, profiled: 370 });
  expect(headrace.status().degraded).toEqual([]);
  await headrace.close();
});
