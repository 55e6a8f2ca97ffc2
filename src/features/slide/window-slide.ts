import { floorTo } from '../../base/time.ts';
import type { Value } from '../../schema/column.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { PartKind } from '../plan/parts.ts';
import { type Slider, sliderOf } from './sliders.ts';

/** A window of an aggregate over one key, which moves from instant to instant. */
export interface SlidWindow {
  readonly spec: AggregateSpec;
  readonly kind: PartKind;
  /** null: no lower bound. */
  readonly windowMs: number | null;
  readonly hopMs: number;
}

/** Moves a window over the events of one key after the other. Hot path. */
export class WindowSlide {
  readonly #slider: Slider;
  readonly #windowMs: number | null;
  readonly #hopMs: number;
  /** The events that leave with each tile, and the starts of tiles, ascending; empty without a lower bound. */
  readonly #tiles = new Map<number, number[]>();
  #starts: number[] = [];
  #from = Number.NEGATIVE_INFINITY;
  /** The newest tile: most events are of it. */
  #newest = Number.NaN;
  #left: number[] = [];
  #answer: Value = null;
  #isAnswered = false;
  #isEmpty = true;

  constructor({ spec, kind, windowMs, hopMs }: SlidWindow) {
    this.#slider = sliderOf(spec, kind);
    this.#windowMs = windowMs;
    this.#hopMs = hopMs;
  }

  /** Begins with another key. */
  clear(): void {
    this.#from = Number.NEGATIVE_INFINITY;
    this.#isAnswered = false;
    if (this.#isEmpty) return;
    this.#slider.clear();
    this.#tiles.clear();
    this.#starts = [];
    this.#newest = Number.NaN;
    this.#isEmpty = true;
  }

  /** Adds an event that counts from now on, unless the window has passed it. */
  add(value: Value, ts: number, id: string, sign: number): void {
    if (ts < this.#from) return;
    this.#isEmpty = false;
    this.#isAnswered = false;
    this.#slider.add(value, ts, id, sign, this.#tileOf(ts));
  }

  /** The answer at an instant, none of which is before an earlier one of the key. */
  at(q: number): Value {
    if (this.#windowMs !== null) this.#moveTo(floorTo(q - this.#windowMs, this.#hopMs));
    if (!this.#isAnswered) this.#answer = this.#slider.answer();
    this.#isAnswered = true;
    return this.#answer;
  }

  #moveTo(from: number): void {
    if (from <= this.#from) return;
    this.#from = from;
    let gone = 0;
    while (gone < this.#starts.length && this.#starts[gone] < from) {
      const start = this.#starts[gone];
      this.#slider.leave(this.#tiles.get(start) ?? [], from);
      this.#tiles.delete(start);
      gone += 1;
    }
    if (gone === 0) return;
    this.#starts.splice(0, gone);
    if (this.#newest < from) this.#newest = Number.NaN;
    this.#isAnswered = false;
  }

  #tileOf(ts: number): number[] {
    if (this.#windowMs === null) {
      this.#left.length = 0;
      return this.#left;
    }
    const start = floorTo(ts, this.#hopMs);
    if (start === this.#newest) return this.#left;
    const known = this.#tiles.get(start);
    if (known !== undefined) return known;
    const left: number[] = [];
    this.#tiles.set(start, left);
    let place = this.#starts.length;
    while (place > 0 && this.#starts[place - 1] > start) place -= 1;
    this.#starts.splice(place, 0, start);
    if (place === this.#starts.length - 1) {
      this.#newest = start;
      this.#left = left;
    }
    return left;
  }
}
