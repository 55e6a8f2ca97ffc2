import '../../seed.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../../src/base/errors/fail.ts';
import { sideOfSketch } from '../../../src/monitoring/detect/column-side.ts';
import { compareProfiles } from '../../../src/monitoring/detect/compare-profiles.ts';
import { quantileOf } from '../../../src/monitoring/detect/distribution.ts';
import { parseDriftRule } from '../../../src/monitoring/detect/drift-rule.ts';
import { decodeWhylogsProfile } from '../../../src/monitoring/interop/whylogs-profile.ts';
import type { Profile } from '../../../src/monitoring/profile/profile.ts';

/** Written by whylogs 1.6.4 itself, with its own figures. */
const file = (name: string) => readFileSync(new URL(name, import.meta.url));
const real = file('whylogs-1.6.4.bin');
const expected = JSON.parse(file('whylogs-1.6.4.json').toString()) as Record<string, Record<string, number | null>>;

/** More for a run by hand: `HEADRACE_FUZZ=1000000`. */
const FUZZ = Number(process.env['HEADRACE_FUZZ'] ?? 400);

test('a profile of whylogs 1.6.4 has the counts, moments and quantiles that whylogs says', () => {
  const profile = decodeWhylogsProfile(real);
  expect([...profile.columns.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
    Object.keys(expected).toSorted((a, b) => (a < b ? -1 : 1)),
  );
  expect(profile.rows).toBe(400);
  for (const [name, facts] of Object.entries(expected)) {
    const side = sideOfSketch(profile.columns.get(name) ?? expect.unreachable(name));
    expect([name, side.rows, side.missing]).toEqual([name, facts['counts/n'], facts['counts/null']]);
    expect(Math.abs(side.distinct - (facts['cardinality/est'] ?? 0))).toBeLessThanOrEqual(1);
    if (side.distribution === null) continue;
    expect(side.mean).toBeCloseTo(facts['distribution/mean'] ?? Number.NaN, 9);
    expect([side.least, side.greatest]).toEqual([facts['distribution/min'], facts['distribution/max']]);
    for (const [q, key] of [
      [0.1, 'q_10'],
      [0.5, 'median'],
      [0.9, 'q_90'],
    ] as const) {
      const quantile = quantileOf(side.distribution, q) ?? Number.NaN;
      const [least, greatest] = [facts['distribution/min'] ?? 0, facts['distribution/max'] ?? 0];
      // Both read one sketch; they may differ by one value at a rank.
      expect(Math.abs(quantile - (facts[`distribution/${key}`] ?? Number.NaN))).toBeLessThan(0.03 * (greatest - least));
    }
  }
  const country = profile.columns.get('country');
  expect(country?.type).toBe('text');
  expect([...(country?.frequent?.counts.keys() ?? [])]).toContain('ü—ß');
  // Numbers and texts in one column are texts: no number is dropped in silence.
  expect(profile.columns.get('mixed')?.type).toBe('text');
});

test('two profiles of whylogs are compared as profiles are', () => {
  const profile = decodeWhylogsProfile(real);
  const side = { name: 'a', rows: profile.rows, profile };
  const { verdict, faults } = compareProfiles(side, side, { rule: parseDriftRule('default'), windowsPerDay: 1 });
  expect([verdict, faults]).toEqual(['ok', []]);
});

test('a file of whylogs 0, another file and a truncated one are refused by code', () => {
  const refusal = (bytes: Uint8Array) => {
    try {
      decodeWhylogsProfile(bytes);
    } catch (error) {
      return isHeadraceError(error, 'DRIFT_WHYLOGS') ? error.message : String(error);
    }
    return 'it was read';
  };
  const version0 = Uint8Array.of(4, 0x0a, 2, 0x08, 1, 0);
  expect(refusal(version0)).toContain('whylogs 0');
  expect(refusal(new TextEncoder().encode('a,b\n1,2\n'))).toContain('does not start with WHY1');
  expect(refusal(new Uint8Array(0))).toContain('does not start with WHY1');
  for (let length = 0; length < real.length - 1; length += 97)
    expect(refusal(real.subarray(0, length))).not.toBe('it was read');
});

/** Every number of a profile that was read is one. */
function check({ rows, columns }: Profile): void {
  expect(Number.isSafeInteger(rows)).toBe(true);
  for (const sketch of columns.values()) {
    const side = sideOfSketch(sketch);
    for (const value of [side.mean, side.deviation, side.least, side.greatest])
      expect(value === null || Number.isFinite(value)).toBe(true);
    for (const count of [side.rows, side.missing, side.infinite, side.distinct])
      expect(count >= 0 && count <= Number.MAX_SAFE_INTEGER).toBe(true);
    expect(side.missing + side.infinite).toBeLessThanOrEqual(side.rows);
  }
}

test(
  `${FUZZ} damaged files give a coded error or finite numbers, never anything else`,
  () => {
    const place = fc.record({ at: fc.nat(real.length - 1), to: fc.nat(255) });
    const damage = fc.record({
      // Headers are where structure is: half of the damage goes there.
      changes: fc.array(fc.oneof(place, fc.record({ at: fc.nat(1_200), to: fc.nat(255) })), {
        minLength: 1,
        maxLength: 6,
      }),
      length: fc.oneof(fc.constant(real.length), fc.nat(real.length)),
    });
    fc.assert(
      fc.property(damage, ({ changes, length }) => {
        const bytes = Uint8Array.from(real);
        for (const { at, to } of changes) bytes[at] = to;
        try {
          check(decodeWhylogsProfile(bytes.subarray(0, length)));
        } catch (error) {
          if (!isHeadraceError(error, 'DRIFT_WHYLOGS')) throw error;
        }
      }),
      { numRuns: FUZZ },
    );
  },
  120_000 + FUZZ * 10,
);
