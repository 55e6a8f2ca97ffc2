import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';

/** `toEqual` for loops over thousands of values: an assertion costs more than a comparison, so it is made only where the values differ. */
export function expectSame(value: unknown, wanted: unknown, what?: string): void {
  if (!isDeepStrictEqual(value, wanted)) expect(value, what).toEqual(wanted);
}
