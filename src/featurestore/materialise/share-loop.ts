import { setTimeout as sleep } from 'node:timers/promises';
import { noTrouble, type Trouble } from '../../base/trouble.ts';
import type { ShareGroup, SharePlace, TileShares } from '../../ports/tile-shares.ts';

/** After what went wrong, and while it has no share, ms. */
const PAUSE_MS = 100;

/** The work of a process on its shares. */
export interface ShareWork {
  /** Goes to the places of shares; gives those that have lost something there. */
  begin(gained: readonly number[], places: ReadonlyMap<number, SharePlace | null>): Promise<readonly number[]>;
  /** Writes the next content of the shares; `lost`: one is not as this process left it, or is to be taken again. */
  next(shares: readonly number[]): Promise<'written' | 'lost' | 'gone'>;
  /** Called when the shares have changed. */
  has(shares: readonly number[]): void;
}

export interface ShareLoopOptions {
  readonly shares: TileShares;
  readonly group: ShareGroup;
  /** Sees what goes wrong, once while it lasts. */
  readonly onFault: (error: unknown) => void;
  /** Called with its shares, whenever they change. */
  readonly onShares?: ((shares: readonly number[]) => void) | undefined;
}

/**
 * One of many processes that divide shares among themselves. A share is free, taken, and then written until it is lost, which this process
 * learns from its next write, or let go, when another is to have it. After a failure all are taken again: nobody knows how much was
 * written.
 */
export class ShareLoop {
  readonly #options: ShareLoopOptions;
  readonly #work: ShareWork;
  readonly #trouble: Trouble;
  readonly #running: Promise<void>;
  #taken: readonly number[] = [];
  /** Whether a share was found not to be as it was left. */
  #distrusts = false;
  #closed = false;

  constructor(options: ShareLoopOptions, work: ShareWork) {
    this.#options = options;
    this.#work = work;
    this.#trouble = this.newTrouble();
    this.#running = this.#run();
  }

  /** The shares that it has taken. */
  get shares(): readonly number[] {
    return this.#taken;
  }

  /** A fault of the process, reported like those of its rounds: not after its end. */
  newTrouble(): Trouble {
    return noTrouble((error) => {
      if (!this.#closed) this.#options.onFault(error);
    });
  }

  /** Ends the work and leaves its shares to the others. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#options.group.close();
  }

  async #run(): Promise<void> {
    const { group } = this.#options;
    while (!this.#closed) {
      try {
        await this.#settle(await group.shares());
        if (this.#taken.length === 0) await sleep(PAUSE_MS);
        else {
          const outcome = await this.#work.next(this.#taken);
          this.#distrusts ||= outcome === 'lost';
          if (outcome !== 'written') this.#have([]);
        }
        this.#trouble.over();
      } catch (error) {
        this.#trouble.met(error);
        this.#have([]);
        await sleep(PAUSE_MS);
      }
    }
  }

  /** Takes the shares that it is to have and has not, and lets go of the others. */
  async #settle(shares: readonly number[]): Promise<void> {
    const kept = this.#taken.filter((share) => shares.includes(share));
    const gained = shares.filter((share) => !kept.includes(share));
    if (gained.length > 0) await this.#take(gained);
    if (gained.length > 0 || kept.length < this.#taken.length) this.#have(shares);
    this.#distrusts = false;
  }

  async #take(gained: readonly number[]): Promise<void> {
    const { shares } = this.#options;
    const places = await shares.take(gained, this.#distrusts);
    const odd = await this.#work.begin(gained, places);
    if (odd.length > 0 && !this.#distrusts) await shares.take(odd, true);
  }

  #have(shares: readonly number[]): void {
    if (shares.length > 0 || this.#taken.length > 0) this.#options.onShares?.(shares);
    this.#taken = [...shares];
    this.#work.has(this.#taken);
  }
}
