import type { ColumnSpec, Value } from '../../schema/column.ts';
import { type SqlValue, valueDecoder } from '../sql/decode.ts';
import { type SlidWindow, WindowSlide } from './window-slide.ts';

/** A window and the input of its aggregate among those of a row. */
export interface SlidFeature extends SlidWindow {
  readonly input: number;
}

/** The columns of a slide, in order: the key, the instant, the event's time or null, its id and sign where they are read, the inputs. */
export interface SlideColumns {
  readonly keys: number;
  readonly ids: boolean;
  readonly signs: boolean;
  readonly inputs: readonly ColumnSpec[];
}

/** Moves the windows of a lookup over rows by key and instant, events before the points of their instant. Hot path. */
export class PointSlide {
  readonly #keys: number;
  readonly #idAt: number;
  readonly #signAt: number;
  readonly #inputsAt: number;
  readonly #decoders: readonly ((value: SqlValue) => Value)[];
  /** The windows of each input. */
  readonly #of: readonly (readonly WindowSlide[])[];
  readonly #windows: readonly WindowSlide[];
  #key: readonly SqlValue[] = [];

  constructor({ keys, ids, signs, inputs }: SlideColumns, features: readonly SlidFeature[]) {
    this.#keys = keys;
    this.#idAt = ids ? keys + 2 : -1;
    this.#signAt = signs ? keys + 2 + Number(ids) : -1;
    this.#inputsAt = keys + 2 + Number(ids) + Number(signs);
    this.#decoders = inputs.map(valueDecoder);
    this.#windows = features.map((feature) => new WindowSlide(feature));
    this.#of = inputs.map((_, input) => this.#windows.filter((_window, i) => features[i].input === input));
  }

  /** Takes the next row; the answers where it is a point, otherwise null. */
  next(row: readonly SqlValue[]): readonly Value[] | null {
    this.#begin(row);
    const ts = row[this.#keys + 1];
    if (ts === null) {
      const q = Number(row[this.#keys]);
      return this.#windows.map((window) => window.at(q));
    }
    this.#add(row, Number(ts));
    return null;
  }

  #add(row: readonly SqlValue[], ts: number): void {
    const id = this.#idAt < 0 ? '' : String(row[this.#idAt]);
    const sign = this.#signAt < 0 ? 1 : Number(row[this.#signAt]);
    for (let i = 0; i < this.#of.length; i += 1) {
      const cell = row[this.#inputsAt + i];
      if (cell === null) continue;
      const value = this.#decoders[i](cell);
      for (const window of this.#of[i]) window.add(value, ts, id, sign);
    }
  }

  #begin(row: readonly SqlValue[]): void {
    let same = this.#key.length > 0;
    for (let i = 0; same && i < this.#keys; i += 1) same = row[i] === this.#key[i];
    if (same) return;
    this.#key = row.slice(0, this.#keys);
    for (const window of this.#windows) window.clear();
  }
}
