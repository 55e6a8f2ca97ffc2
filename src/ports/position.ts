/** Where a reader stands: the next offset to read, by topic and partition index. */
export type Position = Readonly<Record<string, readonly number[]>>;
