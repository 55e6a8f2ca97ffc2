import { setTimeout as sleep } from 'node:timers/promises';

/** Longest wait for tiles, ms: a close may take this long. */
const WAIT_MS = 100;

/** After what went wrong, and while nothing may be taken, ms. */
const PAUSE_MS = 50;

export interface TileFollowerOptions {
  /** Whether the engine has written more than was taken; waits up to `waitMs` for it. */
  readonly wait: (waitMs: number) => Promise<boolean>;
  /** Takes it; whether it was taken. */
  readonly take: () => Promise<boolean>;
  readonly onFault: (error: unknown) => void;
}

/** Waits again and again for tiles that another engine writes, and has them taken at once. */
export class TileFollower {
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
