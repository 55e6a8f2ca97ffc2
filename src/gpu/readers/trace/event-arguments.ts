import type { Names } from '../../trace/names.ts';
import type { TraceBuilder } from '../../trace/trace.ts';
import { wants } from './event-roles.ts';
import { InputReader } from './input-reader.ts';
import { DAMAGED, endOfString, INCOMPLETE, numberIn, skipSpace, skipValue } from './json-bytes.ts';

const MOST_COUNTERS = 1000;

/** Hot path. The arguments of one event: -1 or NaN where they are absent or were not read. */
export class EventArguments {
  readonly #names: Names;
  readonly #inputs: InputReader;
  correlation = -1;
  external = -1;
  stream = -1;
  device = -1;
  bytes = Number.NaN;
  blocks = Number.NaN;
  occupancy = Number.NaN;
  allocated = Number.NaN;
  deviceType = -1;
  bandwidth = Number.NaN;
  recordStream = -1;
  recordCorrelation = -1;
  inputsId = -1;
  collective: Record<string, string | number> | undefined;

  constructor({ names, inputs }: TraceBuilder) {
    this.#names = names;
    this.#inputs = new InputReader(inputs);
  }

  /** The link of a GPU event to its launch: the correlation; in traces without one, the external id, below -1. */
  get link(): number {
    return this.correlation >= 0 || this.external < 0 ? this.correlation : -2 - this.external;
  }

  /**
   * Reads the wanted arguments of the event of a name, from the `{` at `at` (0: the event has none). Returns the index after
   * them, or below 0 if they are not whole and sound.
   */
  read(bytes: Uint8Array, at: number, end: number, wanted: number): number {
    this.correlation = this.external = this.stream = this.device = -1;
    this.bytes = this.bandwidth = this.blocks = this.occupancy = this.allocated = Number.NaN;
    this.recordStream = this.recordCorrelation = this.deviceType = -1;
    this.collective = undefined;
    if (at === 0) return DAMAGED;
    let sound = true;
    let here = skipSpace(bytes, at + 1, end);
    while (here < end && bytes[here] === 0x22) {
      const key = here + 1;
      const close = endOfString(bytes, key, end);
      if (close < 0) return INCOMPLETE;
      here = skipSpace(bytes, close + 1, end);
      if (here >= end) return INCOMPLETE;
      if (bytes[here] !== 0x3a) sound = false;
      const value = skipSpace(bytes, here + 1, end);
      const after = skipValue(bytes, value, end);
      if (after < 0) return after;
      if (wanted === wants.all || this.correlation < 0) this.#argument(bytes, key, close - key, value, after);
      here = skipSpace(bytes, after, end);
      if (here >= end || bytes[here] !== 0x2c) break;
      here = skipSpace(bytes, here + 1, end);
    }
    return sound && here < end && bytes[here] === 0x7d ? here + 1 : DAMAGED;
  }

  /** Reads the inputs of an operator, with values where its work depends on them. Returns as `read` does. */
  readInputs(bytes: Uint8Array, at: number, end: number, withValues: boolean): number {
    this.inputsId = -1;
    if (at === 0) return DAMAGED;
    const after = this.#inputs.read(bytes, at, end, withValues);
    this.inputsId = this.#inputs.found;
    return after;
  }

  #argument(bytes: Uint8Array, key: number, length: number, value: number, after: number): void {
    const a = bytes[key];
    switch (length) {
      case 5:
        if (a === 0x62 && bytes[key + 1] === 0x79) this.bytes = numberIn(bytes, value, after);
        else if (a === 0x64) this.#collect(bytes, 'dtype', value, after);
        break;
      case 6:
        if (a === 0x73) this.stream = whole(numberIn(bytes, value, after));
        else if (a === 0x64) this.device = whole(numberIn(bytes, value, after));
        break;
      case 10:
        if (a === 0x47) this.#collect(bytes, 'groupSize', value, after);
        break;
      case 11:
        if (a === 0x63) this.correlation = whole(numberIn(bytes, value, after));
        else if (a === 0x45) this.external = whole(numberIn(bytes, value, after));
        else if (a === 0x44) this.deviceType = whole(numberIn(bytes, value, after));
        break;
      case 13:
        if (a === 0x62) this.blocks = numberIn(bytes, value, after);
        else if (a === 0x49 && bytes[key + 2] === 0x20) this.#collect(bytes, 'inElements', value, after);
        break;
      case 14:
        if (a === 0x4f) this.#collect(bytes, 'outElements', value, after);
        else if (a === 0x77) this.recordStream = whole(numberIn(bytes, value, after));
        break;
      case 15:
        if (a === 0x43 && bytes[key + 2] === 0x6c) this.#collect(bytes, 'name', value, after);
        else if (a === 0x54) this.allocated = numberIn(bytes, value, after);
        break;
      case 18:
        if (a === 0x50) this.#collect(bytes, 'group', value, after);
        break;
      case 23:
        if (a === 0x6d) this.bandwidth = numberIn(bytes, value, after);
        break;
      case 33:
        if (a === 0x77) this.recordCorrelation = whole(numberIn(bytes, value, after));
        break;
      case 25:
        if (a === 0x65) this.occupancy = numberIn(bytes, value, after);
        break;
      default:
    }
  }

  #collect(bytes: Uint8Array, field: string, value: number, after: number): void {
    this.collective ??= {};
    if (bytes[value] === 0x22) {
      const close = endOfString(bytes, value + 1, after + 1);
      const stop = close < 0 ? after - 1 : close;
      this.collective[field] = this.#names.text(this.#names.intern(bytes, value + 1, stop));
    } else this.collective[field] = numberIn(bytes, value, after);
  }
}

/** The members of an object that are numbers. */
export function numbersIn(bytes: Uint8Array, start: number, end: number): readonly (readonly [string, number])[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)));
    return Object.entries(value ?? {})
      .slice(0, MOST_COUNTERS)
      .flatMap(([name, number]): [string, number][] => (typeof number === 'number' ? [[name, number]] : []));
  } catch {
    return [];
  }
}

function whole(value: number): number {
  return Number.isFinite(value) && Math.abs(value) < 2 ** 53 ? value : -1;
}
