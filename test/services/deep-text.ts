import { inspect } from 'node:util';

/** Everything an error says, causes and facts too. */
export function deepText(error: unknown): string {
  return inspect(error, { depth: 20, maxStringLength: null, maxArrayLength: null });
}
