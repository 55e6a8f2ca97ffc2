import { DurationHistogram } from './duration-histogram.ts';

const MINUTE_MS = 60_000;
/** Windows of the burn rate, minutes: minutes for the page, hours for the trend. */
const BURN_WINDOWS_MIN = [5, 60, 360] as const;
const MINUTES = 361;
/** Percentiles are of the last hour: six slots of ten minutes that are whole, and the one that is being filled. */
const SLOT_MINUTES = 10;
const SLOTS = 7;

/** Observations within a window, and those of them beyond the budget. */
export interface BudgetWindow {
  readonly minutes: number;
  readonly total: number;
  readonly over: number;
}

/**
 * Durations compared with a budget: percentiles of the last hour, and by minute how many there were and how many beyond
 * the budget, for six hours. `now` is any clock in ms that does not go back. Hot path: nothing is allocated once each
 * slot has been used.
 */
export class BudgetSeries {
  /** null: nothing is declared; measured all the same. */
  readonly budgetMs: number | null;
  /** Observations beyond the budget since the start. */
  over = 0;
  readonly #limitMs: number;
  readonly #slots: (DurationHistogram | undefined)[] = new Array(SLOTS).fill(undefined);
  /** All that has left the slots. */
  readonly #before = new DurationHistogram();
  readonly #total = new Float64Array(MINUTES);
  readonly #over = new Float64Array(MINUTES);
  #minute = Number.NaN;
  #slot: DurationHistogram = new DurationHistogram();

  constructor(budgetMs: number | null) {
    this.budgetMs = budgetMs;
    this.#limitMs = budgetMs ?? Number.POSITIVE_INFINITY;
  }

  observe(ms: number, now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) this.#turn(minute);
    const cell = minute % MINUTES;
    this.#slot.add(ms);
    this.#total[cell] += 1;
    if (ms > this.#limitMs) {
      this.#over[cell] += 1;
      this.over += 1;
    }
  }

  /** Durations of the last hour, to the last ten minutes. */
  lastHour(now: number): DurationHistogram {
    this.#turn(Math.floor(now / MINUTE_MS));
    const sum = new DurationHistogram();
    for (const slot of this.#slots) if (slot !== undefined) sum.merge(slot);
    return sum;
  }

  /** Durations since the start. */
  sinceStart(now: number): DurationHistogram {
    const sum = this.lastHour(now);
    sum.merge(this.#before);
    return sum;
  }

  windows(now: number): readonly BudgetWindow[] {
    const last = Math.floor(now / MINUTE_MS);
    this.#turn(last);
    return BURN_WINDOWS_MIN.map((minutes) => {
      let total = 0;
      let over = 0;
      for (let back = 0; back < Math.min(minutes, last + 1); back += 1) {
        const cell = (last - back) % MINUTES;
        total += this.#total[cell];
        over += this.#over[cell];
      }
      return { minutes, total, over };
    });
  }

  /** Makes room for a new minute: what is too old is dropped, or kept in the sum since the start. */
  #turn(minute: number): void {
    if (minute === this.#minute) return;
    const from = Number.isNaN(this.#minute) ? minute : Math.max(this.#minute + 1, minute - MINUTES + 1);
    for (let m = from; m <= minute; m += 1) {
      this.#total[m % MINUTES] = 0;
      this.#over[m % MINUTES] = 0;
    }
    const slot = Math.floor(minute / SLOT_MINUTES);
    const before = Number.isNaN(this.#minute) ? slot - 1 : Math.floor(this.#minute / SLOT_MINUTES);
    for (let s = Math.max(before + 1, slot - SLOTS + 1); s <= slot; s += 1) {
      const old = this.#slots[s % SLOTS];
      if (old === undefined) continue;
      this.#before.merge(old);
      old.clear();
    }
    this.#minute = minute;
    this.#slot = this.#slots[slot % SLOTS] ??= new DurationHistogram();
  }
}
