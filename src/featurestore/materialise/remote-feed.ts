import { setTimeout as sleep } from 'node:timers/promises';
import { coalesced } from '../../base/coalesced.ts';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { noTrouble, type Trouble } from '../../base/trouble.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';

export interface RemoteFeedOptions {
  readonly remote: RemoteStore;
  readonly onFault: (error: unknown) => void;
  /** Reads the log up to its ends. */
  readonly catchUp: () => Promise<void>;
  /** Takes the tiles that an engine elsewhere has written, up to their present end. */
  readonly takeTiles: () => Promise<void>;
  /** Reads the log from where the store is found to stand, and commits. */
  readonly rewind: () => Promise<void>;
  /** Fills what the log has no more. */
  readonly rewound: () => Promise<void>;
  readonly commit: () => Promise<unknown>;
  /** Runs work while no commit is under way. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Deliveries applied since the last commit. */
  readonly uncommitted: () => number;
  /** What arrived before this instant is applied, though the log may have more, epoch ms. */
  readonly appliedUntil: () => number;
  /** What any process appended before this instant has been looked for in the log, epoch ms. */
  readonly followedUntil: () => number;
}

/** Events in memory are written to where other processes read them this often, ms. */
const COMMIT_EVERY_MS = 100;

/** Tiles that are made elsewhere are written on as they come, one commit at least so long after the other, ms. */
const COMMIT_TILES_EVERY_MS = 20;

/** The store is looked at this often, ms. */
const VERIFY_EVERY_MS = 1_000;

/** Who offers events waits so long for them to be in the tiles, ms; then they are in the log, and come later. */
const OFFER_MS = 2_000;

/**
 * Keeps a store behind a network up with the log: fetches keys before events are added to them, commits often, looks whether
 * what was acknowledged is still there, and if not reads the log again. The log is the queue: what cannot be applied now is
 * read from there when the store is back, so that nothing is kept in memory for it.
 */
export class RemoteFeed {
  readonly #options: RemoteFeedOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #reading = coalesced(() => this.#work());
  #paused: Pause | null = null;
  #lost = false;
  #failing = false;
  #verifiedAt = Number.NEGATIVE_INFINITY;
  #taking: Promise<unknown> = Promise.resolve();
  #ticking = false;
  #closed = false;
  readonly #trouble: Trouble;

  constructor(options: RemoteFeedOptions) {
    this.#options = options;
    this.#trouble = noTrouble(options.onFault);
    this.#timer = setInterval(() => void this.tick(), COMMIT_EVERY_MS);
    this.#timer.unref();
  }

  /** Whether what is appended next may be applied at once. */
  get isIdle(): boolean {
    return !this.#reading.busy() && this.#paused === null && !this.#failing && !this.#lost;
  }

  /** What keeps the store from having all of the log; null: nothing. */
  get trouble(): Error | null {
    return this.#trouble.now;
  }

  /** Whether acknowledged writes were lost and are not all written again. */
  get isDegraded(): boolean {
    return this.#lost;
  }

  /** Whatever arrived before this instant is in the tiles, epoch ms. */
  get freshUntil(): number {
    return this.isIdle ? this.#options.followedUntil() : this.#options.appliedUntil();
  }

  /** Reads on in the log; resolves when what it has now is in the tiles, or after a while. Never fails: the log has it. */
  pull(): Promise<void> {
    if (this.#failing || this.#paused !== null) return Promise.resolve();
    return briefly(this.#reading.run(), OFFER_MS);
  }

  /**
   * Takes tiles that are made elsewhere and commits them, then waits for so many that the next commit pays; whether it may. Beside
   * the reading of the log, which goes on meanwhile. Never fails: they are taken from where they are written later.
   */
  takeTiles(): Promise<boolean> {
    if (this.#failing || this.#lost || this.#closed) return Promise.resolve(false);
    const taking = this.#takeAndCommit();
    this.#taking = taking;
    return taking;
  }

  async #takeAndCommit(): Promise<boolean> {
    try {
      const next = performance.now() + COMMIT_TILES_EVERY_MS;
      await this.#options.takeTiles();
      if (this.#options.uncommitted() > 0 && !this.#lost) await this.#options.commit();
      const waitMs = next - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      return true;
    } catch (error) {
      this.#failing = true;
      this.#fault(error);
      return false;
    }
  }

  /** While nothing may be applied: when that is over. */
  get paused(): Promise<void> | undefined {
    return this.#paused?.over;
  }

  /** Nothing is applied from here on, until `resume`. */
  pause(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#paused = { over: promise, end: resolve };
  }

  resume(): void {
    this.#paused?.end();
    this.#paused = null;
    void this.#reading.run();
  }

  /** Catches up with the log, from the beginning if the store is torn. */
  async open(): Promise<void> {
    try {
      await this.#catchUpWhole();
    } catch (error) {
      if (!isHeadraceError(error, 'REDIS_LOST')) throw error;
      this.#lost = true;
      await this.#options.inTurn(() => this.#rewind());
      this.#lost = false;
    }
  }

  /** Says to readers elsewhere that the tiles are whole; call it when the store was opened and caught up. */
  async start(): Promise<void> {
    await this.#options.commit();
    await this.#options.inTurn(() => this.#options.remote.confirm());
  }

  /** Commits and looks after the store, as is due. */
  async tick(): Promise<void> {
    if (this.#ticking || this.#closed) return;
    this.#ticking = true;
    try {
      if (this.#failing || this.#lost) await this.#reading.run();
      if (this.#options.uncommitted() > 0 && !this.#lost) await this.#options.commit();
      const now = performance.now();
      if (now - this.#verifiedAt >= VERIFY_EVERY_MS) {
        this.#verifiedAt = now;
        await this.#verify();
      }
      if (!this.#failing && !this.#lost) this.#trouble.over();
    } catch (error) {
      this.#fault(error);
    } finally {
      this.#ticking = false;
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #verify(): Promise<void> {
    const outcome = await this.#options.inTurn(() => this.#options.remote.verify(this.freshUntil));
    if (outcome === 'lost') this.#lost = true;
  }

  async #work(): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#lost) await this.#recover();
      else if (this.#failing) await this.#catchUpWhole();
      else await this.#options.catchUp();
      this.#failing = false;
    } catch (error) {
      this.#failing = true;
      this.#fault(error);
    }
  }

  async #catchUpWhole(): Promise<void> {
    await this.#options.catchUp();
    await this.#options.takeTiles();
  }

  async #recover(): Promise<void> {
    const { remote, inTurn, rewound } = this.#options;
    // Nothing is taken any more once this is over.
    await this.#taking;
    await inTurn(() => this.#rewind());
    await rewound();
    await inTurn(() => remote.confirm());
    this.#lost = false;
  }

  async #rewind(): Promise<void> {
    await this.#options.remote.rewind();
    await this.#options.rewind();
  }

  #fault(error: unknown): void {
    // What was under way finds the store closed: the log has it.
    if (this.#closed) return;
    if (isHeadraceError(error, 'REDIS_LOST')) this.#lost = true;
    this.#trouble.met(error);
  }
}

interface Pause {
  readonly over: Promise<void>;
  readonly end: () => void;
}

/** Waits for some work, not longer than so many ms. */
function briefly(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
