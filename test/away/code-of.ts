import { expect } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';

/** What became of a call: the code of its error, null where it had an answer. What is not in the catalogue is thrown. */
export async function codeOf(work: () => unknown): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!isHeadraceError(error)) throw new Error('an error without a code', { cause: error });
    expect([error.code, error.status]).toEqual([error.code, 503]);
    return error.code;
  }
}
