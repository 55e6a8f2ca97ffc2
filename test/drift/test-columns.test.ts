import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { driftTest } from '../../src/cli/commands/drift-test.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { sampleStatistics } from '../../src/monitoring/detect/sample-statistics.ts';
import { type ColumnTests, testColumns } from '../../src/monitoring/detect/test-columns.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-drift-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const entries = Object.entries(sampleStatistics);
const namesOf = (of: 'numbers' | 'counts') => entries.filter(([, one]) => one.of === of).map(([name]) => name);
const anyNumber = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noDefaultInfinity: true }),
  fc.constant(Number.NaN),
);
const anyNumbers = fc.array(anyNumber, { maxLength: 40 }).map((list) => Float64Array.from(list));
const anyTexts = fc.array(fc.option(fc.constantFrom('a', 'b', 'c', '')), { maxLength: 40 });

/** What the command answers, by the command line's own parser. */
async function answered(...args: readonly string[]): Promise<ColumnTests> {
  const lines: string[] = [];
  const terminal = {
    out: (text: string) => lines.push(text),
    err: () => undefined,
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  await driftTest.run(parseCall(driftTest, [...args, '--json'], terminal));
  return JSON.parse(lines.join('\n')) as ColumnTests;
}

test('any two columns of one type have an answer of every statistic that fits: a finite value, p from 0 to 1, or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.tuple(anyNumbers, anyNumbers), fc.tuple(anyTexts, anyTexts)), ([a, b]) => {
      const { tests, n, missing } = testColumns('c', a, b, []);
      expect([n.reference + missing.reference, n.current + missing.current]).toEqual([a.length, b.length]);
      for (const { statistic, answer } of tests) {
        if (answer === null) continue;
        // An odds ratio over an empty cell is infinite, or does not exist.
        if (statistic !== 'fisher')
          expect({ statistic, value: answer.value }).not.toEqual({ statistic, value: Number.NaN });
        if (answer.p !== null)
          expect({ statistic, in: answer.p >= 0 && answer.p <= 1 }).toEqual({ statistic, in: true });
      }
    }),
    { numRuns: 60 },
  );
});

test('every statistic sees a shift, and none sees one between equal columns', () => {
  const random = seededRandom(3);
  const x = Float64Array.from({ length: 400 }, () => randomNormal(random));
  const shifted = x.map((value) => value + 1);
  const texts = [...x].map((value) => (value < 0 ? 'low' : 'high'));
  const others = [...shifted].map((value) => (value < 0 ? 'low' : 'high'));
  const pairs = [
    ...namesOf('numbers').map((name) => [name, x, shifted] as const),
    ...namesOf('counts').map((name) => [name, texts, others] as const),
  ];
  expect(pairs).toHaveLength(entries.length);
  for (const [name, a, b] of pairs) {
    const [same, moved] = [testColumns('c', a, a, [name]), testColumns('c', a, b, [name])].map(
      ({ tests }) => tests[0]?.answer ?? null,
    );
    if (moved?.p === null)
      expect([name, Math.abs(same?.value ?? 1) < 1e-9, moved.value > 0.1]).toEqual([name, true, true]);
    else expect([name, (same?.p ?? 0) >= 0.25, (moved?.p ?? 1) <= 0.001]).toEqual([name, true, true]);
  }
});

test('the command reads two files, or two columns of one, and leaves missing values out', async () => {
  const path = join(folder, 'rows.csv');
  const other = join(folder, 'other.csv');
  writeFileSync(
    path,
    `price,again,country\n${[1, 2, 3, 4, 5, 6].map((v) => `${v},${v},${v % 2 ? 'de' : 'fr'}`).join('\n')}\n,,\n`,
  );
  writeFileSync(other, `price,country\n${[4, 5, 6, 7, 8, 9].map((v) => `${v},${v < 9 ? 'de' : 'fr'}`).join('\n')}\n`);
  const [ks] = (await answered(path, other, '--column', 'price', '--statistic', 'kolmogorov-smirnov')).tests;
  // scipy 1.17.1: ks_2samp([1..6], [4..9]).
  expect(ks?.answer).toEqual({ value: 0.5, p: expect.closeTo(0.47402597402597396, 12) });
  const same = await answered(
    path,
    path,
    '--column',
    'price',
    '--against',
    'again',
    '--statistic',
    'wasserstein,energy',
  );
  expect(same).toMatchObject({ n: { reference: 6, current: 6 }, missing: { reference: 1, current: 1 } });
  expect(same.tests.map(({ answer }) => answer?.value)).toEqual([0, 0]);
  const countries = await answered(path, other, '--column', 'country');
  expect(countries.tests.map(({ statistic }) => statistic)).toEqual(namesOf('counts'));
  // scipy 1.17.1: fisher_exact([[3, 3], [5, 1]]).
  expect(countries.tests.find(({ statistic }) => statistic === 'fisher')?.answer).toEqual({
    value: expect.closeTo(0.2, 12),
    p: expect.closeTo(0.5454545454545454, 12),
  });
  for (const [args, code] of [
    [['--column', 'nothing'], 'DRIFT_COLUMN'],
    [['--column', 'price', '--against', 'country'], 'DRIFT_MERGE'],
    [['--column', 'price', '--statistic', 'psy'], 'DRIFT_OPTION'],
    [['--column', 'country', '--statistic', 't'], 'DRIFT_OPTION'],
    [['--column', 'price', '--statistic', 'fisher'], 'DRIFT_OPTION'],
    [[], 'CLI_VALUE'],
  ] as const)
    await expect(answered(path, other, ...args)).rejects.toMatchObject({ code });
});
