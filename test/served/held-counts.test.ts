import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { HeldCounts } from '../../src/monitoring/served/held-counts.ts';
import { decodeProfileRow, encodeProfileRow } from '../../src/monitoring/served/profile-row.ts';
import { readWindow } from '../../src/monitoring/served/read-window.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { asked, service } from '../models/small-project.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const rowOf = (minute: number, process: string, served: number, feature = '') =>
  encodeProfileRow({
    service: 'small@1',
    host: 'h',
    process,
    begins: START + minute * MINUTE_MS,
    ends: START + (minute + 1) * MINUTE_MS,
    feature,
    served,
    rows: served,
    texts: [],
    profile: null,
  });

test('held counts add up by day whatever their number, and their entries stay below the bound', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(4 * 24 * 60), fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 9 })), {
        maxLength: 300,
      }),
      fc.integer({ min: 8, max: 200 }),
      (given, most) => {
        const held = new HeldCounts(most);
        const wanted = new Map<number, number>();
        for (const [minute, process, served] of given) {
          held.add([rowOf(minute, process, served), rowOf(minute, process, 0, 'number')]);
          const day = Math.floor(minute / 1_440);
          wanted.set(day, (wanted.get(day) ?? 0) + served);
        }
        const byDay = (at: number) => Math.floor((at - START) / DAY_MS);
        const noted = new Map<number, number>();
        for (const { at, vectors } of held.counts()) noted.set(byDay(at), (noted.get(byDay(at)) ?? 0) + vectors);
        expect(noted).toEqual(wanted);
        const rows = held.release().map(decodeProfileRow);
        expect(rows.length).toBeLessThanOrEqual(most + 1);
        const released = new Map<number, number>();
        for (const { begins, served, rows: profiled } of rows) {
          expect(profiled).toBe(0);
          released.set(byDay(begins), (released.get(byDay(begins)) ?? 0) + served);
        }
        expect(released).toEqual(wanted);
        expect([held.isEmpty, held.counts()]).toEqual([true, []]);
      },
    ),
  );
});

test('counts that wait for room outlive the process, and are published once there is some', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-held-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const project = defineProject('served', { asked, service });
  let now = START;
  const open = (bytesPerDay: number) =>
    openHeadrace({ project, environment: { directory, sampleRate: 0, disk: { bytesPerDay } }, clock: () => now });
  const serve = async (headrace: Awaited<ReturnType<typeof open>>, count: number) => {
    for (let i = 0; i < count; i += 1)
      await headrace.vector(service, { name: 'n', number: i, gaps: i / 7, category: i % 4 });
    await headrace.flush();
  };
  const first = await open(100_000);
  await serve(first, 30);
  // Events spend the day.
  const events = Array.from({ length: 3_000 }, (_, i) => ({
    id: `a${i}`,
    at: now,
    name: `n${i}`,
    number: i,
    gaps: i / 7,
    category: 1,
  }));
  await first.ingest(asked, events);
  await first.flush();
  expect(first.status().disk.over).toBe('day');
  await serve(first, 40);
  await first.close();
  const second = await open(100_000);
  await serve(second, 50);
  await second.close();
  now += DAY_MS;
  const third = await open(1_000_000);
  await third.flush();
  const window = await readWindow(third.history, service, null, { from: START, to: START + MINUTE_MS });
  expect(window).toMatchObject({ served: 120, profiled: 30 });
  await third.close();
});
