import fc from 'fast-check';
import type { Value } from '../../schema/column.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 6): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq });

const INT64_MAX = 2n ** 63n - 1n;

const whole = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer({ min: -3000, max: 3000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(127, 128, -128, 2 ** 26, 2 ** 26 + 1, 3e15, -3e15, 3e15 + 1, Number.MAX_SAFE_INTEGER),
);

const wide = fc.oneof(
  fc.bigInt(-5n, 5n),
  fc.bigInt(-INT64_MAX - 1n, INT64_MAX),
  fc.constantFrom(INT64_MAX, -INT64_MAX - 1n, 2n ** 53n, 2n ** 53n + 1n, 0n),
);

/** Numbers to sum, halves of the rounding unit, and some numbers that are too large. */
const number = fc.oneof(
  fc.constantFrom(0, 0.5, -1.25, 2 ** -33, -(2 ** -33), 3 * 2 ** -33, 2_097_151, -2_097_151, 2_097_151.5, 1e300),
  fc.double({ min: -3, max: 3, noNaN: true }).map((value) => value + 0),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
);

/** Texts that bytes, code points and UTF-16 units order differently. */
const word = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'A', 'a ', 'é', '\uffee', '🙂', 'NULL'),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
);

/** The columns of an event besides its id and time, in the order of `eventColumns`: tenant, user and the payload. */
export const anyContent: fc.Arbitrary<readonly Value[]> = fc.tuple(
  maybe(fc.constantFrom('t1', 't1|u', '2:t'), 12),
  maybe(fc.constantFrom(1n, -1n, 11n), 12),
  maybe(whole),
  maybe(wide),
  maybe(fc.bigInt(-100_000n, 100_000n)),
  maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
  maybe(fc.boolean()),
  maybe(word),
  maybe(fc.integer({ min: -(10 ** 9), max: 10 ** 9 })),
  maybe(fc.array(number, { minLength: 3, maxLength: 3 })),
);
