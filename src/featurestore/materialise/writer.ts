/**
 * The names under which positions stand in the online store: one for each engine that makes tiles, and one for the process that judges
 * the log while others make them.
 */
export const writers = { embedded: 'materialiser', topics: 'tile-topics', shared: 'judge' } as const;

export type Writer = (typeof writers)[keyof typeof writers];
