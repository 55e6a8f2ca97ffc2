/** The newest durations of one kind of call, for percentiles while it runs; ms. Hot path: two stores a call. */
export class RecentTimes {
  /** Calls since the start. */
  calls = 0;
  readonly #times = new Float64Array(4_096);

  add(ms: number): void {
    this.#times[this.calls % this.#times.length] = ms;
    this.calls += 1;
  }

  /** The time that the given share of the newest calls stayed within; null before the first. */
  percentile(share: number): number | null {
    const size = Math.min(this.calls, this.#times.length);
    if (size === 0) return null;
    const sorted = this.#times.slice(0, size).sort();
    return sorted[Math.min(size - 1, Math.floor(share * size))];
  }
}
