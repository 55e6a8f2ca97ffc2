import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openMonitor } from '../../src/compose/open-monitor.ts';
import { openTableFile } from '../../src/compose/table-files.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { resolveMonitor } from '../../src/features/define/monitor.ts';
import {
  judgeMonitor,
  type MonitorStatus,
  type MonitorWindow,
  type Watched,
} from '../../src/monitoring/monitor/judge-windows.ts';
import {
  buildReference,
  decodeReference,
  encodeReference,
  type Reference,
} from '../../src/monitoring/monitor/reference.ts';
import type { Headrace } from '../../src/running/headrace.ts';
import { came } from '../models/small-project.ts';
import { WatchedRun, watchedProject } from '../playbook/watched-project.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);
const AN_HOUR = 120;
/** Judges every monitor in every test. */
const ALL = Number(process.env['HEADRACE_DRIFT_RUNS'] ?? 2) > 2;

const directory = mkdtempSync(join(tmpdir(), 'headrace-odd-'));
const { watched, project } = watchedProject({ mode: 'dryRun' });
const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);
const KINDS = [
  { kind: 'featureDrift', features: ['number', 'gaps', 'category'] },
  { kind: 'predictionDrift' },
  { kind: 'predictionDrift', on: 'classShares' },
  { kind: 'predictionDrift', on: 'calibration' },
  { kind: 'predictionDrift', on: 'shadow' },
  { kind: 'conceptDrift' },
  { kind: 'estimatedQuality' },
] as const;
const SOME = ALL ? KINDS : KINDS.filter(({ kind }) => kind === 'featureDrift' || kind === 'conceptDrift');

let run: WatchedRun;

type Labels = Parameters<Headrace['ingest']>[1];

/** The labels of an hour, by the kind of what is odd with them. `good` is the label that counts, where one does. */
const ODD: Readonly<
  Record<string, (id: string, at: number, good: boolean) => readonly (readonly [number, boolean])[]>
> = {
  right: (_id, at, good) => [[at + 1, good]],
  duplicate: (_id, at, good) => [1, 2, 3].map(() => [at + 1, good]),
  contradictory: (_id, at, good) => [
    [at + 1, good],
    [at + 2, !good],
  ],
  restated: (_id, at, good) => [
    [at + 1, good],
    [at + HOUR_MS / 2, !good],
    [at + HOUR_MS / 2 + 1, good],
  ],
  late: (_id, at, good) => [[at + 3 * HOUR_MS, good]],
  future: (_id, at, good) => [[at + 3_650 * 24 * HOUR_MS, good]],
  early: (_id, at, good) => [[at - 1, good]],
  none: () => [],
};
const NAMES = Object.keys(ODD);

/** The hour of each odd kind: the first two hours are quiet. */
const hourOf = (name: string) => 2 + NAMES.indexOf(name);

async function hour(at: number, name: string): Promise<void> {
  const { headrace } = run;
  run.now = START + at * HOUR_MS;
  const asked = Array.from({ length: AN_HOUR }, (_, i) => ({
    id: `${name}-${at}-${i}`,
    request: { name: `n${i % 5}`, number: (i % 21) - 10, gaps: i % 10 === 0 ? null : (i % 7) / 7, category: i % 5 },
  }));
  await headrace.predictMany(watched, asked);
  const labels = asked.flatMap(({ id, request }) =>
    ODD[name](id, run.now, request.number > 0).map(([time, good], k) => ({
      id: `l${k}-${id}`,
      at: time,
      asked: id,
      good,
    })),
  );
  // Labels come in any order: the last one first.
  await headrace.ingest(came, labels.reverse() as Labels).catch(() => undefined);
}

async function judged(
  from: number,
  to: number,
  of: Partial<Watched> = {},
  kinds: readonly (typeof KINDS)[number][] = KINDS,
): Promise<readonly MonitorStatus[]> {
  await run.headrace.flush();
  const stores = await openMonitor(project, environment);
  const history = await stores.history();
  try {
    const [one] = await stores.watched();
    const spans = Array.from({ length: to - from }, (_, i) => ({
      from: START + (from + i) * HOUR_MS,
      to: START + (from + i + 1) * HOUR_MS,
    }));
    const statuses: MonitorStatus[] = [];
    for (const kind of kinds)
      statuses.push(
        await judgeMonitor({ ...one, ...of }, resolveMonitor(watched, kind), history, spans, { now: run.now }),
      );
    return statuses;
  } finally {
    await history.close();
    await stores.close();
  }
}

/** Paths of numbers that are none, anywhere in a value. */
function oddNumbers(value: unknown, path = ''): readonly string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [`${path} is ${value}`];
  if (typeof value === 'string') return /\b(NaN|Infinity|undefined)\b/.test(value) ? [`${path}: ${value}`] : [];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, own]) => oddNumbers(own, `${path}/${key}`));
}

let statuses: readonly MonitorStatus[];
const windowOf = (kind: string, name: string): MonitorWindow | undefined =>
  statuses.find(({ monitor }) => monitor.kind === kind)?.windows[hourOf(name) - 1];

beforeAll(async () => {
  run = await WatchedRun.open(directory, { watched, project });
  await run.firstChampion();
  await hour(1, 'right');
  for (const name of NAMES) await hour(hourOf(name), name);
  run.now = START + 14 * HOUR_MS;
  statuses = await judged(1, 2 + NAMES.length);
}, 300_000);

afterAll(async () => {
  await run.headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('labels of every kind', () => {
  test('no window has a number that is not one, and each has a state and a reason', () => {
    expect(oddNumbers(statuses)).toEqual([]);
    for (const { windows } of statuses)
      for (const { state, reason } of windows) expect([state, reason]).not.toContain('');
  });

  test.each(['duplicate', 'contradictory', 'restated'])('%s: the first one of a prediction counts, once', (name) => {
    const [right, odd] = [windowOf('conceptDrift', 'right'), windowOf('conceptDrift', name)];
    expect([odd?.rows, odd?.value]).toEqual([AN_HOUR, right?.value]);
  });

  test.each(['late', 'future', 'early', 'none'])(
    '%s: they count for nothing, and the window says that labels lack',
    (name) => {
      expect(windowOf('conceptDrift', name)).toMatchObject({ state: 'insufficient', rows: 0, value: null });
      expect(windowOf('conceptDrift', name)?.reason).toMatch(/0 labels/);
    },
  );
});

describe('what happens inside a window', () => {
  test('another version takes over: each version is judged by its own answers alone', async () => {
    run.now = START + 14 * HOUR_MS;
    await run.headrace.train(watched, { to: START + HOUR_MS });
    await hour(14, 'right');
    await run.headrace.promote(watched, 2);
    run.now = START + 14 * HOUR_MS + 1;
    const first = await judged(14, 15, {}, SOME);
    await hour(14.5, 'right');
    run.now = START + 18 * HOUR_MS;
    const [before, after] = [await judged(14, 15, { version: 1 }, SOME), await judged(14, 15, {}, SOME)];
    const rows = (of: readonly MonitorStatus[]) =>
      of.find(({ monitor }) => monitor.kind === 'conceptDrift')?.windows[0].rows;
    expect([rows(before), rows(after)]).toEqual([AN_HOUR, AN_HOUR]);
    expect(oddNumbers([first, before, after])).toEqual([]);
  }, 120_000);

  test('a clock that runs ahead: its answers are in the windows of its own instants, and never in two', async () => {
    await hour(40, 'right');
    run.now = START + 20 * HOUR_MS;
    const ahead = await judged(38, 42, {}, SOME);
    const counts = ahead.find(({ monitor }) => monitor.kind === 'conceptDrift')?.windows.map(({ rows }) => rows);
    expect(counts?.filter((rows) => rows > 0).length).toBeLessThanOrEqual(1);
    expect(oddNumbers(ahead)).toEqual([]);
  }, 120_000);
});

describe('a reference', () => {
  const whole = async (): Promise<Reference> => {
    const stores = await openMonitor(project, environment);
    try {
      const [{ reference }] = await stores.watched();
      if (reference === null) throw new Error('there is no reference');
      return reference;
    } finally {
      await stores.close();
    }
  };
  const windowWith = async (reference: Reference | null): Promise<MonitorWindow> => {
    // Features alone have a reference that is given; the others read the history, unless more is asked for.
    const found = await judged(1, 2, { reference }, ALL ? KINDS : KINDS.slice(0, 1));
    expect(oddNumbers(found)).toEqual([]);
    return found[0].windows[0];
  };

  test('of one chunk, of a few rows, or none at all has a defined output', async () => {
    const { createdAt, chunks } = await whole();
    const defined = /^(ok|drift|fault|insufficient)$/;
    expect((await windowWith({ createdAt, chunks: chunks.slice(0, 1) })).state).toMatch(defined);
    for (const rows of [1, 3, 11]) {
      const path = join(directory, `${rows}.csv`);
      const lines = Array.from({ length: rows }, (_, i) => `${i - 1},${i === 0 ? '' : i / 7},${i % 5}`);
      writeFileSync(path, ['number,gaps,category', ...lines].join('\n'));
      const table = await openTableFile(path);
      const reference = await buildReference(table, ['number', 'gaps', 'category'], { time: null, createdAt });
      await table.close();
      expect((await windowWith(decodeReference(encodeReference(reference)))).state).toMatch(defined);
    }
    expect(await windowWith(null)).toMatchObject({
      state: 'unwatched',
      reason: expect.stringMatching(/^DRIFT_REFERENCE/),
    });
  }, 120_000);

  test('that holds the incident has a defined output, as the quiet one has', async () => {
    const reference = await whole();
    const quiet = await windowWith(reference);
    // In half of the chunks the numbers are the other way round: the incident is in the reference.
    const spoiled = decodeReference(encodeReference(reference)).chunks;
    for (const [i, { columns }] of spoiled.entries()) if (i % 2 === 0) columns.get('number')?.counts?.reverse();
    const odd = await windowWith({ createdAt: reference.createdAt, chunks: spoiled });
    expect([quiet.state, odd.state].join()).toMatch(/^(ok|drift|fault|insufficient),(ok|drift|fault|insufficient)$/);
  }, 120_000);
});
