/**
 * Where a version is, from its load to its end. It can go back from `warming` to `loading`: its runs showed that another place is for
 * it. One that is `ready` stays so while it is loaded at another place.
 */
export type VersionState = 'loading' | 'verifying' | 'warming' | 'ready' | 'draining' | 'closed' | 'failed';

/** The states that may follow each. */
const NEXT: Readonly<Record<VersionState, readonly VersionState[]>> = {
  loading: ['verifying', 'failed'],
  verifying: ['warming', 'failed'],
  warming: ['loading', 'ready', 'failed'],
  ready: ['draining'],
  draining: ['closed'],
  closed: [],
  failed: [],
};

/** The life of one version in memory. */
export class VersionLife {
  #state: VersionState = 'loading';

  get state(): VersionState {
    return this.#state;
  }

  /** Goes on to a state. A step that no life has is a mistake of this program. */
  enter(next: VersionState): void {
    if (!NEXT[this.#state].includes(next)) throw new Error(`a version that is ${this.#state} cannot be ${next}`);
    this.#state = next;
  }
}
