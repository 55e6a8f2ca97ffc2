import type { PartKind } from '../observe/part-kind.ts';

/** Tiles that another process writes, as a reader follows them. */
export const followedPart: PartKind<{ readonly isFollowing: boolean }, object> = {
  name: 'followed',
  figures: [],
  health: ({ isFollowing }) =>
    isFollowing ? [] : ['the process that writes the tiles has not been heard of for two seconds'],
};
