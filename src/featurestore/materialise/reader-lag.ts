/** Who reads a topic, each up to another place. */
export type LogReader =
  /** What this process answers with. */
  | 'applied'
  /** What its store has, from where a restart goes on. */
  | 'committed'
  /** What is taken for the history, where others write the tiles of a store. */
  | 'archived'
  /** What an engine elsewhere has made tiles of, as of its last checkpoint. */
  | 'engine';

/** How far a reader is behind the end of a topic that others write. */
export interface ReaderLag {
  readonly topic: string;
  readonly reader: LogReader;
  /** Records by partition. */
  readonly behind: readonly number[];
}

/** Between where a reader stands and where a topic ends; a partition that it has not told of counts from its first record. */
export function readerLag(
  topic: string,
  reader: LogReader,
  ends: readonly number[],
  stands: readonly number[] = [],
): ReaderLag {
  return { topic, reader, behind: ends.map((end, partition) => Math.max(0, end - (stands[partition] ?? 0))) };
}
