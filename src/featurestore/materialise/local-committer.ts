import { coalesced } from '../../base/coalesced.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { TileBatch } from '../../ports/tile-topics.ts';
import type { Verdicts } from '../ingest/ingest-report.ts';
import { type Committer, type CommitterParts, RELIEVE_AT } from './committer.ts';
import type { SourceState } from './source-judge.ts';

/** For a store in this process: an event is added to the tiles when it comes, and a commit is one transaction. */
export class LocalCommitter implements Committer {
  readonly #parts: CommitterParts;
  readonly #reading = coalesced(() => this.#readLog());

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  async open(): Promise<void> {
    await this.#readLog();
    await this.#parts.readTiles();
  }

  offer(
    state: SourceState,
    partition: number,
    offset: number,
    deliveries: readonly Delivery[],
  ): MaybePromise<Verdicts> {
    if (state.next[partition] === offset) return this.#parts.apply(state, partition, deliveries);
    // Records of another process lie before it, or are being read.
    const { length: count } = deliveries;
    return this.#parts.judge.asked.after({ source: state.source, partition, offset, count }, () =>
      state.next[partition] < offset + count ? this.#reading.run() : Promise.resolve(),
    );
  }

  take(state: SourceState, partition: number, offset: number, deliveries: readonly Delivery[]): MaybePromise<void> {
    const { apply, tiles } = this.#parts;
    const known = state.next[partition] - offset;
    // Some may have been offered while they were read.
    if (known >= 0 && known < deliveries.length)
      apply(state, partition, known === 0 ? deliveries : deliveries.slice(known));
    // Changed tiles stay in memory until they are in the store.
    return tiles.mustCommit ? this.#commit() : undefined;
  }

  hold(tiles: TileBatch['tiles']): Promise<void> | undefined {
    return this.#parts.tiles.hold(tiles);
  }

  async relieve(): Promise<void> {
    if (this.#parts.commits.uncommitted >= RELIEVE_AT) await this.#commit();
  }

  pull(): Promise<void> {
    return this.#reading.run();
  }

  async takeTiles(): Promise<boolean> {
    await this.#parts.readTiles();
    return true;
  }

  get freshUntil(): number {
    return this.#parts.followedUntil();
  }

  /** Nothing holds events back: the store answers within the turn of the event loop. */
  pause(): void {}

  resume(): void {}

  close(): void {
    this.#parts.state.close();
  }

  #readLog(): Promise<void> {
    return this.#parts.judge.readLog((...deliveries) => this.take(...deliveries));
  }

  async #commit(): Promise<void> {
    await this.#parts.commits.commit();
  }
}
