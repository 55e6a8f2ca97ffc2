import type { PartKind } from '../observe/part-kind.ts';

export interface Followed {
  /** Whether the process that writes was heard of lately. */
  readonly isFollowing: boolean;
  /** Why the store did not answer when it was last asked; null: it did. */
  readonly storeTrouble: Error | null;
}

/** Tiles that another process writes, as a reader follows them. */
export const followedPart: PartKind<Followed, object> = {
  name: 'followed',
  figures: [],
  health: ({ isFollowing }) =>
    isFollowing ? [] : ['the process that writes the tiles has not been heard of for two seconds'],
  waiting: ({ storeTrouble }) =>
    storeTrouble === null ? [] : [`the online store does not answer: ${storeTrouble.message}`],
};
