import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { distributionOfKll, quantileOf } from '../../src/monitoring/detect/distribution.ts';
import { decodeFrequentItems } from '../../src/monitoring/profile/datasketches-frequent-items.ts';
import { decodeHll } from '../../src/monitoring/profile/datasketches-hll.ts';
import { decodeKll, decodeKllItems, encodeKll, type KllItems } from '../../src/monitoring/profile/kll-bytes.ts';
import { addToKll, createKll, kllRankError, mergeKll } from '../../src/monitoring/profile/kll-sketch.ts';
import { driftBytes, driftJson, sharedDrift } from '../stats/shared-drift.ts';

interface Expected {
  readonly family: number;
  readonly type: string;
  readonly n: number;
  readonly min?: number | string;
  readonly max?: number | string;
  readonly weight_sum?: number;
  readonly num_levels?: number;
  readonly retained?: number;
  readonly capacity?: number;
  readonly quantile_inclusive?: Record<string, number>;
  readonly mode?: string;
  readonly target?: string;
  readonly coupons?: number;
  readonly hip_estimate?: number;
  readonly lg_k?: number;
  readonly empty?: boolean;
  readonly stream_length?: number;
  readonly offset?: number;
  readonly weights?: Record<string, number>;
}

describe.skipIf(!sharedDrift)('files of DataSketches in C++ and Java', () => {
  const files = sharedDrift ? driftJson<{ files: Record<string, Expected> }>('sketches/expected.json').files : {};
  const of = (family: number) => Object.entries(files).filter(([, one]) => one.family === family);

  test('KLL: counts, extremes, levels and quantiles', () => {
    for (const [name, one] of of(15)) {
      const read = decodeKllItems<number | string>(driftBytes(`sketches/${name}`), one.type as KllItems);
      expect({ name, n: read.n, min: read.min, max: read.max }).toEqual({
        name,
        n: one.n,
        min: one.min ?? null,
        max: one.max ?? null,
      });
      if (one.retained === undefined) continue;
      expect(read.levels.reduce((sum, { length }) => sum + length, 0)).toBe(one.retained);
      expect([read.levels.length, read.capacity]).toEqual([one.num_levels, one.capacity]);
      for (const [q, value] of Object.entries(one.quantile_inclusive ?? {}))
        expect(Number(inclusive(read.levels, Number(q) * one.n))).toBe(value);
    }
    expect(of(15).length).toBe(6);
  });

  test('HLL: mode, target and estimate', () => {
    for (const [name, one] of of(7)) {
      const read = decodeHll(driftBytes(`sketches/${name}`));
      expect({ name, mode: read.mode.toUpperCase(), target: read.target, lg_k: read.lgK }).toEqual({
        name,
        mode: one.mode,
        target: one.target,
        lg_k: one.lg_k,
      });
      expect(read.estimate).toBeCloseTo(one.hip_estimate ?? one.coupons ?? 0, 4);
    }
    expect(of(7).length).toBe(5);
  });

  test('frequent items: stream, offset and weights', () => {
    for (const [name, one] of of(10)) {
      const read = decodeFrequentItems(driftBytes(`sketches/${name}`), one.type as 'string' | 'long');
      expect([read.n, read.offset]).toEqual([one.stream_length ?? 0, one.offset ?? 0]);
      expect(Object.fromEntries(read.weights)).toEqual(one.weights ?? {});
    }
    expect(of(10).length).toBe(5);
  });

  test('damaged bytes are refused by code: never a crash, a hang or a silent number', () => {
    const random = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 7));
    const rounds = Number(process.env['HEADRACE_FUZZ'] ?? 4000);
    const seeds = Object.entries(files).map(([name, one]) => ({ bytes: driftBytes(`sketches/${name}`), one }));
    for (let round = 0; round < rounds; round += 1) {
      const { bytes, one } = seeds[Math.floor(random() * seeds.length)];
      const hurt = Uint8Array.from(bytes);
      for (let i = 0; i <= random() * 4; i += 1) hurt[Math.floor(random() * hurt.length)] = Math.floor(random() * 256);
      const cut = random() < 0.3 ? hurt.subarray(0, Math.floor(random() * hurt.length)) : hurt;
      try {
        if (one.family === 15) {
          const read = decodeKllItems(cut, one.type as KllItems);
          expect(read.levels.reduce((sum, level, h) => sum + level.length * 2 ** h, 0)).toBe(read.n);
        } else if (one.family === 7) expect(Number.isFinite(decodeHll(cut).estimate)).toBe(true);
        else expect(decodeFrequentItems(cut, one.type as 'string' | 'long').n).toBeGreaterThanOrEqual(0);
      } catch (error) {
        if (!isHeadraceError(error) || error.code !== 'DRIFT_SKETCH') throw error;
      }
    }
  });
});

/** The smallest item whose weights up to it reach a rank; in the writer's order. */
function inclusive(levels: readonly (readonly (number | string)[])[], rank: number): number | string | null {
  const items = levels.flatMap((level, h) => level.map((item) => [item, 2 ** h] as const));
  items.sort(([a], [b]) => (typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : a > b ? 1 : 0));
  let sum = 0;
  for (const [item, weight] of items) {
    sum += weight;
    if (sum >= rank) return item;
  }
  return items.at(-1)?.[0] ?? null;
}

test('a sketch of numbers is read back equal, and its ranks stay within the stated error', () => {
  const random = seededRandom(3);
  for (const n of [0, 1, 2, 100, 5000, 60_000]) {
    const sketch = createKll(256);
    const values = Array.from({ length: n }, () => random() ** 3);
    for (const value of values) addToKll(sketch, value);
    const read = decodeKll(encodeKll(sketch));
    expect([read.n, read.min, read.max]).toEqual([sketch.n, sketch.min, sketch.max]);
    const sorted = Float64Array.from(values).sort();
    const held = distributionOfKll(read);
    for (const q of [0.01, 0.1, 0.5, 0.9, 0.99]) {
      const value = quantileOf(held, q);
      if (value === null) continue;
      const rank = sorted.filter((one) => one <= value).length / n;
      expect(Math.abs(rank - q)).toBeLessThanOrEqual(2 * kllRankError(256) + 1 / n);
    }
  }
});

test('merged sketches weigh as one: any split of a stream', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3000 }),
      fc.integer({ min: 1, max: 7 }),
      (values, parts) => {
        const merged = createKll(32);
        for (let p = 0; p < parts; p += 1) {
          const part = createKll(32, p);
          values.forEach((value, i) => {
            if (i % parts === p) addToKll(part, value);
          });
          mergeKll(merged, part);
        }
        expect(merged.n).toBe(values.length);
        expect(merged.levels.reduce((sum, level, h) => sum + level.length * 2 ** h, 0)).toBe(values.length);
        if (values.length > 0) expect([merged.min, merged.max]).toEqual([Math.min(...values), Math.max(...values)]);
      },
    ),
    { numRuns: 50 },
  );
});
