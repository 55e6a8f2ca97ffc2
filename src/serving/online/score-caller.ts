/** The caller of a score, and how long it waits. */
export interface ScoreCaller {
  /** `performance.now()` from which on nobody waits for the score; left out: it waits for as long as it takes. */
  readonly deadline?: number | undefined;
  /** The id of the caller's key, by whose share its rows wait; left out: it has none. */
  readonly tenant?: string | undefined;
  /** Aborted when the caller has left; left out: it stays. */
  readonly signal?: AbortSignal | undefined;
}
