import type { OperatorInputs } from '../../trace/operator-inputs.ts';
import { DAMAGED, endOfString, INCOMPLETE, skipSpace, skipValue } from './json-bytes.ts';

/**
 * Hot path. Reads the inputs of an operator from its arguments, which a trace has if it was recorded with record_shapes:
 *
 *   args = { "Input Dims": [ … ], "Input type": [ … ], "Input Strides": [ … ], "Concrete Inputs": [ … ], … }
 */
export class InputReader {
  readonly #inputs: OperatorInputs;
  /** The number of the inputs that were read last; -1 if there were none. */
  found = -1;

  constructor(inputs: OperatorInputs) {
    this.#inputs = inputs;
  }

  /** Reads the arguments whose `{` is at `args`; the index after them, or below 0 if they are not whole and sound. */
  read(bytes: Uint8Array, args: number, end: number, withValues: boolean): number {
    let dims = 0;
    let types = 0;
    let strides = 0;
    let values = 0;
    let state = 0;
    let here = skipSpace(bytes, args + 1, end);
    while (here < end && bytes[here] === 0x22) {
      const key = here + 1;
      const close = endOfString(bytes, key, end);
      if (close < 0) {
        state = INCOMPLETE;
        break;
      }
      here = skipSpace(bytes, close + 1, end);
      if (here >= end) {
        state = INCOMPLETE;
        break;
      }
      if (bytes[here] !== 0x3a) state = DAMAGED;
      const value = skipSpace(bytes, here + 1, end);
      const after = skipValue(bytes, value, end);
      if (after < 0) {
        state = after;
        break;
      }
      if (bytes[value] === 0x5b) {
        const length = close - key;
        const first = bytes[key];
        if (first === 0x49 && length === 10) {
          const sixth = bytes[key + 6];
          if (sixth === 0x44 || sixth === 0x64) dims = this.#inputs.intern(bytes, value, after);
          else if (sixth === 0x74) types = this.#inputs.intern(bytes, value, after);
        } else if (first === 0x49 && length === 13) strides = this.#inputs.intern(bytes, value, after);
        else if (withValues && first === 0x43 && length === 15) values = this.#inputs.intern(bytes, value, after);
      }
      here = skipSpace(bytes, after, end);
      if (here >= end || bytes[here] !== 0x2c) break;
      here = skipSpace(bytes, here + 1, end);
    }
    this.found = dims === 0 ? -1 : this.#inputs.of(dims, types, strides, values);
    if (state < 0) return state;
    return here < end && bytes[here] === 0x7d ? here + 1 : DAMAGED;
  }
}
