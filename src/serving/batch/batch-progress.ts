/** How far a batch job is. */
export interface BatchProgress {
  readonly job: string;
  /** Rows that are scored or rejected and published, those of earlier runs too. */
  readonly rows: number;
  readonly total: number;
  readonly quarantined: number;
  /** Partitions of this run that were begun again, since their worker failed or ended. */
  readonly retries: number;
  /** Of this run. */
  readonly rowsPerSecond: number;
  /** Time until the end at this rate, ms; null: no partition of this run is done. */
  readonly etaMs: number | null;
}

/** Counts what a run of a job has done. */
export class ProgressCount {
  readonly #job: string;
  readonly #total: number;
  readonly #monotonic: () => number;
  readonly #begun: number;
  #before = 0;
  #rows = 0;
  #quarantined = 0;
  #retries = 0;

  constructor(job: string, total: number, monotonic: () => number) {
    this.#job = job;
    this.#total = total;
    this.#monotonic = monotonic;
    this.#begun = monotonic();
  }

  /** Adds a published part; `isNew`: by this run. */
  add(rows: number, quarantined: number, isNew: boolean): void {
    this.#rows += rows;
    this.#quarantined += quarantined;
    if (!isNew) this.#before += rows;
  }

  /** A partition is begun again. */
  retried(): void {
    this.#retries += 1;
  }

  now(): BatchProgress {
    const ms = Math.max(1, this.#monotonic() - this.#begun);
    const own = this.#rows - this.#before;
    return {
      job: this.#job,
      rows: this.#rows,
      total: this.#total,
      quarantined: this.#quarantined,
      retries: this.#retries,
      rowsPerSecond: (own / ms) * 1_000,
      etaMs: own === 0 ? null : ((this.#total - this.#rows) / own) * ms,
    };
  }
}

/** Progress as one line: `12,000 of 50,000 rows, 8,300 rows/s, 5 s left`. */
export function progressText({ rows, total, rowsPerSecond, etaMs, quarantined }: BatchProgress): string {
  const count = (value: number) => Math.round(value).toLocaleString('en');
  const left = etaMs === null ? '' : `, ${count(rowsPerSecond)} rows/s, ${Math.ceil(etaMs / 1_000)} s left`;
  const rejected = quarantined === 0 ? '' : `, ${count(quarantined)} in quarantine`;
  return `${count(rows)} of ${count(total)} rows${left}${rejected}`;
}

/** Passes progress on when another tenth of the rows is done, for those who keep lines. */
export function spacedProgress(say: (progress: BatchProgress) => void): (progress: BatchProgress) => void {
  let said = -1;
  return (progress) => {
    const tenth = Math.floor((progress.rows / Math.max(1, progress.total)) * 10);
    if (tenth <= said) return;
    said = tenth;
    say(progress);
  };
}
