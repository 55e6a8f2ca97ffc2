/**
 * The state of the one writer of a store's tiles.
 *
 * - `open`: it has caught up, and only this process appends;
 * - `following`: it looks for events of other processes, or tiles of another engine, too;
 * - `behind`: a read or a fetch failed; the log is read again until it has caught up;
 * - `lost`: the store lost acknowledged writes; nothing is written until it is rewound;
 * - `rewinding`: it reads the log again from the position of the store until the store is whole;
 * - `closed`: nothing is read or written any longer.
 */
export type WriterStage = 'open' | 'following' | 'behind' | 'lost' | 'rewinding' | 'closed';

const transitions: Readonly<Record<WriterStage, readonly WriterStage[]>> = {
  open: ['following', 'behind', 'lost', 'closed'],
  following: ['behind', 'lost', 'closed'],
  behind: ['open', 'following', 'lost', 'closed'],
  lost: ['rewinding', 'closed'],
  rewinding: ['open', 'following', 'lost', 'closed'],
  closed: [],
};

/** One explicit state, shared by the judge of sources, the origin of tiles and the committer. */
export class WriterState {
  #stage: WriterStage = 'open';
  /** The stage in which it was closed. */
  #last: WriterStage = 'open';
  #follows = false;
  #recoveryFailed = false;

  get stage(): WriterStage {
    return this.#stage;
  }

  /** Whether events may be applied as they come; after a close, whether they could before. */
  get isWhole(): boolean {
    const stage = this.#live;
    return stage === 'open' || stage === 'following';
  }

  /** Whether acknowledged writes were lost and are not all written again. */
  get isTorn(): boolean {
    const stage = this.#live;
    return stage === 'lost' || stage === 'rewinding';
  }

  /** Whether the last try to catch up, or to recover, failed. */
  get isFailing(): boolean {
    return this.#live === 'behind' || (this.isTorn && this.#recoveryFailed);
  }

  /** From now on others are followed; takes effect when the writer has caught up. */
  follow(): void {
    this.#follows = true;
    if (this.#stage === 'open') this.#to('following');
  }

  /** A try to catch up or to recover failed: it begins again later. */
  failed(): void {
    if (this.#stage === 'closed' || this.#stage === 'behind') return;
    this.#recoveryFailed = this.isTorn;
    this.#to(this.isTorn ? 'lost' : 'behind');
  }

  /** It has caught up, or recovered. */
  settled(): void {
    if (this.#stage !== 'behind' && this.#stage !== 'rewinding') return;
    this.#recoveryFailed = false;
    this.#to(this.#follows ? 'following' : 'open');
  }

  /** The store lost writes; also while it is being rewound. */
  lost(): void {
    if (this.#stage !== 'closed') this.#to('lost');
  }

  rewind(): void {
    this.#to('rewinding');
  }

  close(): void {
    if (this.#stage === 'closed') return;
    this.#last = this.#stage;
    this.#to('closed');
  }

  get #live(): WriterStage {
    return this.#stage === 'closed' ? this.#last : this.#stage;
  }

  #to(stage: WriterStage): void {
    if (stage === this.#stage) return;
    if (!transitions[this.#stage].includes(stage))
      throw new Error(`a writer of tiles cannot go from ${this.#stage} to ${stage}`);
    this.#stage = stage;
  }
}
