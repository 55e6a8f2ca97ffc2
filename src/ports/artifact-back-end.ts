import type { MaybePromise } from '../base/maybe-promise.ts';
import type { ArtifactStore } from './artifact-store.ts';

/** An environment as the back end of its artefacts sees it. */
export interface ArtifactPlace {
  readonly directory: string;
  /** Error: CONFIG_SECRET. */
  readonly secretOf: (named: { readonly env: string }, option: string) => string;
}

/** `shared`: hosts read the same files; without it they take space of the environment's disk. */
export type ArtifactFact = 'shared';

export type OpenArtifacts = MaybePromise<ArtifactStore>;
