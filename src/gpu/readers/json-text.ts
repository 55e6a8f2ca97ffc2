import { fail } from '../../base/errors/fail.ts';

/** Parses a whole JSON text. Errors: GPU_DAMAGED. */
export function parseJsonText(kind: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('GPU_DAMAGED', { kind, reason: 'it is no whole JSON' }, error);
  }
}
