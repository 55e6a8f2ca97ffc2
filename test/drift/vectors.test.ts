import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, expect, test } from 'vitest';
import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { compareTables } from '../../src/monitoring/detect/compare-tables.ts';
import { compareVectors, type VectorSide } from '../../src/monitoring/detect/compare-vectors.ts';
import { judgeFeatures } from '../../src/monitoring/detect/judge-features.ts';
import { decodeReference, encodeReference } from '../../src/monitoring/monitor/reference.ts';
import { createProfile } from '../../src/monitoring/profile/profile.ts';
import { openTableFile } from '../../src/site/table-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-vectors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = 12;

type Draw = (random: Random, row: number) => number[];

const normal: Draw = (random) => Array.from({ length: SIZE }, () => randomNormal(random));

function side(seed: number, rows: number, draw: Draw = normal): VectorSide {
  const random = seededRandom(seed);
  return { rows, missing: 0, sample: Array.from({ length: rows }, (_, row) => draw(random, row)) };
}

const judged = (reference: VectorSide, current: VectorSide) =>
  judgeFeatures([compareVectors('e', reference, current)], { kind: 'default' })[0];

test('two samples of one population are alike; a moved mean and components that became alike are drift', () => {
  const reference = side(1, 1000);
  // A bootstrap of the reference alone would alarm each time.
  const quiet = Array.from({ length: 6 }, (_, i) => judged(reference, side(10 + i, 400)).state);
  expect(quiet.filter((state) => state === 'drift').length).toBeLessThanOrEqual(1);
  const moved = judged(
    reference,
    side(2, 400, (random) => normal(random, 0).map((value, i) => (i < 3 ? value + 0.7 : value))),
  );
  expect(moved.state).toBe('drift');
  expect(moved.vectors?.domainAuc).toBeGreaterThan(0.65);
  // Each component alone is as before: no test of one component sees it.
  const alike = side(3, 600, (random) => Array<number>(SIZE).fill(randomNormal(random)));
  expect(judged(reference, alike).state).toBe('drift');
});

test('what the reference does by itself is no drift: its mean wanders', () => {
  const wandering: Draw = (random, row) => {
    const chunk = Math.floor(row / 100);
    return normal(random, row).map((value) => value + Math.sin(2.4 * chunk) * 0.8);
  };
  const reference = side(4, 1000, wandering);
  const current = side(5, 500, (random) => normal(random, 0).map((value) => value + 0.5));
  const { state, evidence, vectors } = judged(reference, current);
  expect(evidence?.p).toBeLessThan(0.01);
  expect(vectors?.limit).toBeGreaterThan(vectors?.mmd ?? 1);
  expect(state).toBe('ok');
});

test('vectors of no numbers, of huge numbers, all alike or too few have a defined answer', () => {
  const reference = side(6, 400);
  const alike: Draw = () => Array<number>(SIZE).fill(1);
  expect(
    judged(
      reference,
      side(7, 400, () => Array<number>(SIZE).fill(Number.NaN)),
    ),
  ).toMatchObject({
    state: 'insufficient',
    missing: { current: 400 },
  });
  expect(
    judged(
      reference,
      side(7, 400, () => Array<number>(SIZE).fill(1e308)),
    ).state,
  ).toBe('insufficient');
  expect(judged(side(7, 400, alike), side(8, 400, alike)).state).toBe('ok');
  expect(judged(reference, side(9, 20)).reason).toBe('20 vectors, 300 are needed');
  expect(judged(reference, side(9, 0)).reason).toBe('no rows');
});

test('lists in Parquet: embeddings are compared, another length is a fault, lists of any length stay texts', async () => {
  const connection = await (await DuckDBInstance.create()).connect();
  const write = async (name: string, seed: number, add: number, length = 8) => {
    await connection.run(`SELECT setseed(${seed})`);
    await connection.run(`COPY (SELECT LIST_TRANSFORM(RANGE(${length}), LAMBDA j: RANDOM() + ${add})::FLOAT[${length}] AS taste,
CASE WHEN i % 100 < ${100 * add} THEN NULL ELSE LIST_TRANSFORM(RANGE(3), LAMBDA j: RANDOM()) END AS gaps,
LIST_TRANSFORM(RANGE(i % 7), LAMBDA j: j) AS ragged, RANDOM() AS number FROM RANGE(1500) r(i)) TO '${join(folder, name)}'`);
  };
  await write('a.parquet', 0.1, 0);
  await write('same.parquet', 0.2, 0);
  await write('moved.parquet', 0.3, 0.2);
  await write('other.parquet', 0.4, 0, 4);
  connection.closeSync();
  const compared = async (name: string) => {
    const [a, b] = [await openTableFile(join(folder, 'a.parquet')), await openTableFile(join(folder, name))];
    const options = {
      rule: { kind: 'default' },
      windowsPerDay: 1,
      slice: null,
      time: null,
      season: 'none',
      ignore: [],
      features: [],
    } as const;
    const report = await compareTables(a, b, options);
    await a.close();
    await b.close();
    return report;
  };
  const same = await compared('same.parquet');
  expect(same.verdict).toBe('ok');
  expect(Object.fromEntries(same.features.map(({ name, kind }) => [name, kind]))).toEqual({
    taste: 'embedding',
    gaps: 'embedding',
    ragged: 'category',
    number: 'number',
  });
  const moved = await compared('moved.parquet');
  expect(moved.features.filter(({ state }) => state === 'drift').map(({ name }) => name)).toEqual(['taste']);
  expect(moved.faults).toMatchObject([{ kind: 'missing', columns: ['gaps'], rows: 300 }]);
  const other = await compared('other.parquet');
  expect(other.faults).toMatchObject([{ kind: 'type', columns: ['taste'], rows: 1500 }]);
});

test('a reference keeps vectors as 32-bit floats, and a truncated one is refused', () => {
  const vectors = new Map([
    [
      'taste',
      {
        rows: 9,
        missing: 2,
        sample: [
          [0.5, -1.25],
          [Number.NaN, 3],
        ],
      },
    ],
  ]);
  const bytes = encodeReference({ createdAt: 1, chunks: [createProfile()], vectors });
  expect(decodeReference(bytes).vectors?.get('taste')).toEqual({
    rows: 9,
    missing: 2,
    sample: [Float64Array.of(0.5, -1.25), Float64Array.of(Number.NaN, 3)],
  });
  for (let length = 0; length < bytes.length; length += 1)
    expect(() => decodeReference(bytes.subarray(0, length))).toThrow(
      expect.objectContaining({ code: expect.any(String) }),
    );
});
