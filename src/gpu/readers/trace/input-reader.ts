import type { OperatorInputs } from '../../trace/operator-inputs.ts';
import { endOfString, skipSpace, skipValue } from './json-bytes.ts';

/**
 * Hot path. Reads the inputs of an operator from its arguments, which a trace has if it was recorded with record_shapes:
 *
 *   args = { "Input Dims": [ … ], "Input type": [ … ], "Input Strides": [ … ], "Concrete Inputs": [ … ], … }
 */
export class InputReader {
  readonly #inputs: OperatorInputs;

  constructor(inputs: OperatorInputs) {
    this.#inputs = inputs;
  }

  /** The number of the inputs in the arguments whose `{` is at `args`; -1 if there are none. */
  read(bytes: Uint8Array, args: number, end: number, withValues: boolean): number {
    let dims = 0;
    let types = 0;
    let strides = 0;
    let values = 0;
    let here = skipSpace(bytes, args + 1, end);
    while (bytes[here] === 0x22) {
      const key = here + 1;
      const close = endOfString(bytes, key, end);
      if (close < 0) break;
      here = skipSpace(bytes, close + 1, end);
      const value = skipSpace(bytes, here + 1, end);
      const after = skipValue(bytes, value, end);
      if (after < 0) break;
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
      if (bytes[here] !== 0x2c) break;
      here = skipSpace(bytes, here + 1, end);
    }
    return dims === 0 ? -1 : this.#inputs.of(dims, types, strides, values);
  }
}
