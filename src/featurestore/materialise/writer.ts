/** The names under which positions stand in the online store: one for each engine that makes tiles. */
export const writers = { embedded: 'materialiser', topics: 'tile-topics' } as const;

export type Writer = (typeof writers)[keyof typeof writers];
