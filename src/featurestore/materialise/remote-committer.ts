import { setTimeout as sleep } from 'node:timers/promises';
import { coalesced } from '../../base/coalesced.ts';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { noTrouble, type Trouble } from '../../base/trouble.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import type { TileBatch } from '../../ports/tile-topics.ts';
import type { Verdicts } from '../ingest/ingest-report.ts';
import { type Committer, type CommitterParts, RELIEVE_AT } from './committer.ts';
import type { SourceState } from './source-judge.ts';

export interface RemoteCommitterOptions extends CommitterParts {
  readonly remote: RemoteStore;
  /** Returns to the store's position, and forgets the tiles in memory. */
  readonly goBack: () => Promise<void>;
  /** Fills tiles from the history that the log no longer covers. */
  readonly rewound: () => Promise<void>;
  /** Events that arrived before this instant are applied, though the log may have more, epoch ms. */
  readonly appliedUntil: () => number;
  readonly onFault: (error: unknown) => void;
}

/** Events in memory are written to the store that other processes read this often, ms. */
const COMMIT_EVERY_MS = 100;

/** Shortest time between two commits of tiles of another engine, ms. */
const COMMIT_TILES_EVERY_MS = 20;

/** The store is checked for lost writes this often, ms. */
const VERIFY_EVERY_MS = 1_000;

/** Longest time that a call waits for its events to be in the tiles, ms; they are in the log, and are added later. */
const OFFER_MS = 2_000;

/**
 * For a store over a network: fetches keys before events are added to them, commits often, checks that acknowledged writes
 * are still there, and reads the log again if they are not. The log is the queue: events that cannot be applied now are
 * read from there when the store is back, so that nothing is kept in memory for it.
 */
export class RemoteCommitter implements Committer {
  readonly #options: RemoteCommitterOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #reading = coalesced(() => this.#work());
  readonly #ticking = coalesced(() => this.#tick());
  readonly #trouble: Trouble;
  #pause: PromiseWithResolvers<void> | null = null;
  #verifiedAt = Number.NEGATIVE_INFINITY;
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: RemoteCommitterOptions) {
    this.#options = options;
    this.#trouble = noTrouble(options.onFault);
    this.#timer = setInterval(() => void this.tick(), COMMIT_EVERY_MS);
    this.#timer.unref();
  }

  /** Whether events that are appended next may be applied at once. */
  get isIdle(): boolean {
    return this.#options.state.isWhole && this.#pause === null && !this.#reading.busy();
  }

  /** The fault that keeps the store from having all of the log; null: none. */
  get trouble(): Error | null {
    return this.#trouble.now;
  }

  /** Whether acknowledged writes were lost and are not all written again. */
  get isDegraded(): boolean {
    return this.#options.state.isTorn;
  }

  get freshUntil(): number {
    return this.isIdle ? this.#options.followedUntil() : this.#options.appliedUntil();
  }

  async open(): Promise<void> {
    try {
      await this.#readAll();
    } catch (error) {
      if (!isHeadraceError(error, 'STORE_LOST')) throw error;
      const { state, commits } = this.#options;
      state.lost();
      await commits.inTurn(() => this.#rewind());
      state.settled();
    }
  }

  /** Tells readers of other processes that the tiles are whole. Call it when the store was opened and caught up. */
  async start(): Promise<void> {
    const { commits, remote } = this.#options;
    await commits.commit();
    await commits.inTurn(() => remote.confirm());
  }

  offer(
    state: SourceState,
    partition: number,
    offset: number,
    deliveries: readonly Delivery[],
  ): MaybePromise<Verdicts> {
    const { judge, tiles, keysOf, apply } = this.#options;
    const isNext = state.next[partition] === offset;
    if (isNext && this.isIdle && tiles.holds(keysOf(state.source, deliveries)))
      return apply(state, partition, deliveries);
    const asked = { source: state.source, partition, offset, count: deliveries.length };
    return judge.asked.after(asked, () => this.pull());
  }

  async take(state: SourceState, partition: number, offset: number, deliveries: readonly Delivery[]): Promise<void> {
    const { keysOf, apply } = this.#options;
    const keys = keysOf(state.source, deliveries);
    // Keys that were fetched may leave the memory while others are waited for.
    for (let held = this.hold(keys); held !== undefined; held = this.hold(keys)) await held;
    const known = state.next[partition] - offset;
    if (known >= 0 && known < deliveries.length)
      apply(state, partition, known === 0 ? deliveries : deliveries.slice(known));
    await this.relieve();
  }

  hold(keys: Parameters<CommitterParts['tiles']['hold']>[0] | TileBatch['tiles']): Promise<void> | undefined {
    return this.#pause?.promise ?? this.#options.tiles.hold(keys);
  }

  async relieve(): Promise<void> {
    const { commits, state } = this.#options;
    if (commits.uncommitted < RELIEVE_AT) return;
    // A rewind has the turn already.
    await (state.stage === 'rewinding' ? commits.commitNow() : commits.commit());
  }

  /** Reads on in the log; resolves when its present content is in the tiles, or after a while. Never fails: the log has it. */
  pull(): Promise<void> {
    if (this.#options.state.isFailing || this.#pause !== null) return Promise.resolve();
    return briefly(this.#reading.run(), OFFER_MS);
  }

  /**
   * Takes tiles of another engine and commits them, then waits until enough have come that the next commit pays.
   * Returns whether it may commit. It runs while the log is read. Never fails: the tiles stay in their topics.
   */
  takeTiles(): Promise<boolean> {
    const { state } = this.#options;
    if (!state.isWhole || state.stage === 'closed') return Promise.resolve(false);
    const taking = this.#takeAndCommit();
    this.#taking = taking;
    return taking;
  }

  async #takeAndCommit(): Promise<boolean> {
    const { readTiles, commits, state } = this.#options;
    try {
      const next = performance.now() + COMMIT_TILES_EVERY_MS;
      await readTiles();
      if (commits.uncommitted > 0 && !state.isTorn) await commits.commit();
      const waitMs = next - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** Nothing is applied from here on, until `resume`. */
  pause(): void {
    this.#pause = Promise.withResolvers<void>();
  }

  resume(): void {
    this.#pause?.resolve();
    this.#pause = null;
    void this.#reading.run();
  }

  /** Commits and checks the store, as is due; does nothing while it runs. Never fails. */
  async tick(): Promise<void> {
    if (this.#ticking.busy() || this.#options.state.stage === 'closed') return;
    await this.#ticking.run();
  }

  async #tick(): Promise<void> {
    const { state, commits } = this.#options;
    try {
      if (!state.isWhole) await this.#reading.run();
      if (commits.uncommitted > 0 && !state.isTorn) await commits.commit();
      const now = performance.now();
      if (now - this.#verifiedAt >= VERIFY_EVERY_MS) {
        this.#verifiedAt = now;
        await this.#verify();
      }
      if (state.isWhole) this.#trouble.over();
    } catch (error) {
      this.#fault(error);
    }
  }

  close(): void {
    this.#options.state.close();
    clearInterval(this.#timer);
  }

  async #verify(): Promise<void> {
    const { commits, remote, state } = this.#options;
    const outcome = await commits.inTurn(() => remote.verify(this.freshUntil));
    if (outcome === 'lost') state.lost();
  }

  async #work(): Promise<void> {
    const { state } = this.#options;
    try {
      if (state.stage === 'closed') return;
      if (state.isTorn) await this.#recover();
      else if (state.stage === 'behind') await this.#readAll();
      else await this.#readLog();
      if (state.stage === 'behind') state.settled();
    } catch (error) {
      this.#failed(error);
    }
  }

  #readLog(): Promise<void> {
    return this.#options.judge.readLog((...deliveries) => this.take(...deliveries));
  }

  async #readAll(): Promise<void> {
    await this.#readLog();
    await this.#options.readTiles();
  }

  async #recover(): Promise<void> {
    const { commits, remote, rewound, state } = this.#options;
    // Nothing is taken any longer once this has ended.
    await this.#taking;
    // Opening may have done it while this waited for its turn.
    await commits.inTurn(async () => {
      if (state.stage === 'lost') await this.#rewind();
    });
    await rewound();
    await commits.inTurn(() => remote.confirm());
    state.settled();
  }

  /** Reads everything again from the store's position, and commits; for work that has the turn. */
  async #rewind(): Promise<void> {
    const { state, remote, goBack, commits } = this.#options;
    state.rewind();
    await remote.rewind();
    await goBack();
    await this.#readAll();
    await commits.commitNow();
  }

  #failed(error: unknown): void {
    this.#options.state.failed();
    this.#fault(error);
  }

  #fault(error: unknown): void {
    const { state } = this.#options;
    // Work that was interrupted finds the store closed: the log has its events.
    if (state.stage === 'closed') return;
    if (isHeadraceError(error, 'STORE_LOST')) state.lost();
    this.#trouble.met(error);
  }
}

/** Waits for work, at most `ms`. */
function briefly(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
