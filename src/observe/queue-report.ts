/** Rows that wait in memory for a slower store. */
export interface QueueReport {
  /** Its name among the parts of memory: `history`. */
  readonly name: string;
  readonly rows: number;
  /** Estimated. */
  readonly bytes: number;
  /** At this many bytes nothing more is taken until some have left. */
  readonly mostBytes: number;
  /** Calls that waited for room, rows that were left to the log, or rows that were dropped, since the start. */
  readonly turnedAway: number;
  /** Its effect while it is full: `calls that bring events wait`. */
  readonly whenFull: string;
}

/** Whether a queue has no room. */
export function isFull({ bytes, mostBytes }: Pick<QueueReport, 'bytes' | 'mostBytes'>): boolean {
  return bytes >= mostBytes;
}
