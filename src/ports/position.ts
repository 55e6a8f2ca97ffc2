/**
 * Where a reader stands: the next offset to read, by topic and partition index. Marks that lie with the tiles of a store have this form too:
 * numbers by name.
 */
export type Position = Readonly<Record<string, readonly number[]>>;
