import type { Clock } from '../../base/time.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { Committer } from './committer.ts';
import { LogFollower } from './log-follower.ts';
import type { SourceJudge } from './source-judge.ts';
import { TileFollower } from './tile-follower.ts';
import { type TileOrigin, takeForHistory } from './tile-origin.ts';

export interface OthersFollowerOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly judge: SourceJudge;
  readonly origin: TileOrigin;
  readonly committer: Committer;
  /** Whether everything that was read of the log is judged. */
  readonly isCaughtUp: () => boolean;
  readonly onFault: (error: unknown) => void;
}

/** Follows others: records that other processes append to the log, and tiles that another engine writes. */
export class OthersFollower {
  readonly #options: OthersFollowerOptions;
  readonly #log: LogFollower;
  /** null: tiles are computed here. */
  readonly #tiles: TileFollower | null;

  constructor(options: OthersFollowerOptions) {
    const { log, clock, judge, origin, committer, onFault } = options;
    const { intake } = origin;
    this.#options = options;
    this.#tiles =
      intake === null
        ? null
        : new TileFollower({
            wait: async (waitMs) => (await intake.next(waitMs)) !== null,
            take: () => (origin.kind === 'apart' ? takeForHistory(origin, clock) : committer.takeTiles()),
            onFault,
          });
    this.#log = new LogFollower({
      log,
      clock,
      onFault,
      next: () => new Map([...judge.states].map(({ source, next }) => [topicOf(source), next])),
      looking: (followedUntil) => this.#askEngine(followedUntil),
      pull: () => committer.pull(),
    });
  }

  /** Records that others appended before this instant are in the tiles, epoch ms. */
  get followedUntil(): number {
    return this.#log.followedUntil;
  }

  async close(): Promise<void> {
    await Promise.all([this.#log.close(), this.#tiles?.close()]);
  }

  /** Asks another engine how far it is in the log. */
  async #askEngine(followedUntil: number): Promise<void> {
    const { judge, origin, isCaughtUp } = this.#options;
    if (origin.intake === null) return;
    const judged = [...judge.states].filter(({ hasViews }) => hasViews);
    // While catching up the log may have more than is judged.
    const until = isCaughtUp() ? followedUntil : Math.min(...judged.map(({ clock }) => clock));
    await origin.intake.ask(judged, until);
  }
}
