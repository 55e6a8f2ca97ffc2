import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numberText } from '../../src/base/number-text.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test('a number has at most the asked digits, no exponent, and differs by less than half of the last one', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
      fc.integer({ min: 1, max: 6 }),
      (value, digits) => {
        const text = numberText(value, digits);
        expect(text).not.toMatch(/e[-+]/);
        if (value !== 0 && Math.abs(value) < 1e-6) expect(text).toMatch(/^[<>]-?0\.000001$/);
        else
          expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(
            0.5000001 * 10 ** (1 - digits) * Math.abs(value) + 1e-15,
          );
      },
    ),
  );
  expect([4.825640393518518, 2.4e-138, 1234567, 0, null].map((value) => numberText(value))).toEqual([
    '4.83',
    '<0.000001',
    '1234567',
    '0',
    '–',
  ]);
});

/** Digits that are no text for people: a wire, a threshold, a factor of a decimal, values of a test that other programs print as well. */
const EXACT = [
  'src/base/number-text.ts',
  'src/cli/commands/drift-test.ts',
  'src/features/define/expression-factories.ts',
  'src/monitoring/detect/find-slices.ts',
  'src/versions/request/tensor-json.ts',
];

test('significant digits of texts have one formatter', () => {
  const files = globSync('src/**/*.ts', { cwd: ROOT }).filter((path) =>
    readFileSync(`${ROOT}${path}`, 'utf8').includes('.toPrecision('),
  );
  expect(files.sort()).toEqual(EXACT);
});
