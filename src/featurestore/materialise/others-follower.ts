import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/time.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { Committer } from './committer.ts';
import { LogFollower } from './log-follower.ts';
import type { SourceJudge } from './source-judge.ts';
import { type TileOrigin, takeForHistory } from './tile-origin.ts';

/** Longest wait for tiles, ms: a close may take this long. */
const WAIT_MS = 100;

/** After what went wrong, and while nothing may be taken, ms. */
const PAUSE_MS = 50;

interface TileFollowerOptions {
  /** Whether the engine has written more than was taken; waits up to `waitMs` for it. */
  readonly wait: (waitMs: number) => Promise<boolean>;
  /** Takes it; whether it was taken. */
  readonly take: () => Promise<boolean>;
  readonly onFault: (error: unknown) => void;
}

/** Waits again and again for tiles that another engine writes, and has them taken at once. */
class TileFollower {
  readonly #options: TileFollowerOptions;
  readonly #following: Promise<void>;
  #closed = false;

  constructor(options: TileFollowerOptions) {
    this.#options = options;
    this.#following = this.#follow();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#closed) if (!(await this.#taken())) await sleep(PAUSE_MS);
  }

  /** Whether all that there is was taken. */
  async #taken(): Promise<boolean> {
    const { wait, take, onFault } = this.#options;
    try {
      return !(await wait(WAIT_MS)) || (await take());
    } catch (error) {
      onFault(error);
      return false;
    }
  }
}

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
