import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Engine } from '../../src/backends/embedded/offline/engine.ts';
import { type ResolvedMonitor, resolveMonitor } from '../../src/features/define/monitor.ts';
import { MOST_BYTES, readRows } from '../../src/monitoring/cause/window-rows.ts';
import { factOf } from '../../src/monitoring/monitor/score-fact.ts';
import { shadowWindows } from '../../src/monitoring/monitor/shadow-windows.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { expectedCalibrationError } from '../../src/stats/expected-calibration-error.ts';
import { ScoreCounts } from '../../src/stats/score-counts.ts';
import { small } from '../models/small-project.ts';

type Row = readonly [score: number, label: number];

const GROUPS = 10;
const calibrationOf = (rows: readonly Row[]) =>
  expectedCalibrationError(
    rows.map(([score]) => score),
    rows.map(([, label]) => label),
    GROUPS,
  );

const counted = (rows: readonly Row[]) => {
  const counts = new ScoreCounts();
  for (const [score, label] of rows) counts.add(score, label);
  return counts;
};

/** Scores of some shapes: spread, near each other or near 0, few different ones. */
const score = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.5, max: 0.501, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }).map((x) => x ** 8),
  fc.constantFrom(0, 0.1, 0.5, 1),
);
const rowsOf = fc.array(fc.tuple(score, fc.constantFrom(0, 1)), { maxLength: 300 });

test('a calibration error from counts is as near to that of the rows as it says, and merged counts give the same', () => {
  fc.assert(
    fc.property(rowsOf, fc.nat(300), (rows, cut) => {
      const found = counted(rows).calibrationError(GROUPS);
      const exact = calibrationOf(rows);
      if (exact === null || found === null) {
        expect(found).toBe(exact);
        return;
      }
      expect(Math.abs(found.value - exact)).toBeLessThanOrEqual(found.within + 1e-12);
      const merged = counted(rows.slice(0, cut));
      merged.addAll(counted(rows.slice(cut)));
      expect(merged.calibrationError(GROUPS)?.value).toBeCloseTo(found.value, 12);
    }),
    { numRuns: 300 },
  );
});

test('scores that no two groups share lose nothing, and spread scores almost nothing', () => {
  // Ten scores of equally many rows: each is a group.
  const steps = Array.from({ length: 1000 }, (_, i): Row => [(i % 10) / 10, i % 3 === 0 ? 1 : 0]);
  const found = counted(steps).calibrationError(GROUPS);
  expect(found?.within).toBe(0);
  expect(found?.value).toBeCloseTo(calibrationOf(steps) ?? Number.NaN, 12);
  const spread = Array.from({ length: 20_000 }, (_, i): Row => [((i * 7919) % 20_000) / 20_000, i % 2]);
  const near = counted(spread).calibrationError(GROUPS);
  expect(near?.within).toBeLessThan(0.02);
  expect(Math.abs((near?.value ?? 0) - (calibrationOf(spread) ?? 1))).toBeLessThan(0.001);
});

/** The facts that monitors watch, each with the number that the rows give. */
const facts = [
  {
    name: 'class shares',
    fact: factOf({ task: 'binary' }, { on: 'classShares' }),
    ofRows: (rows: readonly Row[]) => rows.filter(([of]) => of >= 0.5).length / rows.length,
    within: 0,
  },
  {
    name: 'the mean error of a number',
    fact: factOf({ task: 'regression' }, { on: 'calibration' }),
    ofRows: (rows: readonly Row[]) => rows.reduce((sum, [of, label]) => sum + of - label, 0) / rows.length,
    within: 0,
  },
  {
    name: 'the calibration of a probability',
    fact: factOf({ task: 'binary' }, { on: 'calibration' }),
    ofRows: calibrationOf,
    within: 0.001,
  },
];

test.each(facts)('$name: ten times more rows hold the same numbers, and give what the rows give', (of) => {
  const windowOf = (rows: number) =>
    Array.from({ length: rows }, (_, i): Row => [((i * 7919) % 5_000) / 5_000, (i * 31) % 7 < 3 ? 1 : 0]);
  const [few, many] = [5_000, 50_000].map((size) => {
    const rows = windowOf(size);
    const counter = of.fact.count();
    for (const [score, label] of rows) counter.add(score, label);
    const value = counter.value() ?? Number.NaN;
    expect(Math.abs(value - (of.ofRows(rows) ?? Number.NaN))).toBeLessThanOrEqual(of.within);
    return counter.held();
  });
  expect(many).toBe(few);
});

test('rows of an estimate are bounded in bytes, whatever their columns and texts', async () => {
  const rowsOf = async (features: number, characters: number) => {
    const names = Array.from({ length: features }, (_, i) => `x${i}`);
    const declared = {
      ...small.service,
      features: [...names, 'name'].map((name) => ({
        name,
        type: { type: name === 'name' ? 'text' : 'float', nullable: false },
      })),
    } as unknown as typeof small.service;
    const row = [0.5, 1, 0, ...Array.from({ length: features }, () => 1), 'x'.repeat(characters)];
    let asked = 0;
    const history: Pick<OfflineStore, 'query' | 'relation'> = {
      async *query(sql) {
        const limit = Number(/LIMIT (\d+)$/.exec(sql)?.[1]);
        for (let left = limit; left > 0; left -= 1_000) {
          asked += Math.min(1_000, left);
          yield Array.from({ length: Math.min(1_000, left) }, () => row);
        }
      },
      relation: () => 'rows',
    };
    const options = { model: { ...small, service: declared }, version: 1, span: { from: 0, to: 1 }, now: 1 };
    const { scores } = await readRows(history, { ...options, labelled: false });
    const bytes = scores.length * (8 * row.length + 2 * characters);
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
    // Not a batch more is asked for.
    expect(asked - scores.length).toBeLessThanOrEqual(1_000);
    return scores.length;
  };
  expect(await rowsOf(20, 10)).toBe(50_000);
  expect(await rowsOf(2_000, 10)).toBeGreaterThan(4_000);
  expect(await rowsOf(2, 20_000)).toBeGreaterThan(1_500);
});

test('the scores of a shadow are compared with those of the champion without the pairs in memory', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'headrace-pairs-'));
  const engine = await Engine.open({ memoryLimitBytes: 200_000_000, threads: 1, scratch });
  const PAIRS = 2_000;
  const HOUR_MS = 3_600_000;
  /** Champion and shadow of each request; the shadow of hour 1 is `moved` away. */
  const predictions = `(SELECT i::VARCHAR AS id, "at", 1 AS "version", score, NULL AS lane, NULL AS served_at, NULL AS log_offset FROM scored
    UNION ALL SELECT i::VARCHAR, "at", 2, score + CASE WHEN "at" >= ${HOUR_MS} THEN 0.25 ELSE 0 END, 'shadow', NULL, NULL FROM scored)`;
  const scored = `(SELECT i, i * ${(2 * HOUR_MS) / (2 * PAIRS)}::BIGINT AS "at", ((i * 7919) % 1000) / 2000 AS score FROM range(${2 * PAIRS}) AS t(i))`;
  const history: Pick<OfflineStore, 'query' | 'relation'> = {
    query: (sql) => engine.stream(sql),
    relation: () => predictions.replaceAll('scored', scored),
  };
  const monitor: ResolvedMonitor = resolveMonitor(small, { kind: 'predictionDrift', on: 'shadow' });
  try {
    const spans = [0, 1, 2].map((hour) => ({ from: hour * HOUR_MS, to: (hour + 1) * HOUR_MS }));
    const [same, moved, none] = await shadowWindows({ model: small, version: 1 }, monitor, history, spans);
    expect(same).toMatchObject({ state: 'ok', rows: PAIRS, reason: expect.stringContaining('differ by 0 on average') });
    expect(moved).toMatchObject({ state: 'drift', rows: PAIRS });
    expect(moved.reason).toContain('differ by 0.25 on average');
    expect(none).toMatchObject({ state: 'insufficient', reason: 'no shadow scored a request' });
  } finally {
    engine.close();
    rmSync(scratch, { recursive: true, force: true });
  }
});
