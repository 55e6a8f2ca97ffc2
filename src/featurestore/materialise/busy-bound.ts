import { pageBytes } from '../../environment/memory-shares.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { KeyBudget } from './key-budget.ts';
import type { KeyTiles } from './key-tiles.ts';

/** Keys of a view that change before a commit is due, however large the budget is: closing and a start have as many to write. */
const MOST_BUSY = 200_000;

/** Bounds the keys that wait for a commit, by their bytes, their number, and the pages that the commit changes in its store. */
export class BusyBound {
  readonly #store: Pick<OnlineStore, 'pages'>;
  readonly #mostBusy: number;
  /** The most bytes of pages of the store that a commit may change. */
  readonly #pageBytes: number;
  #most: number;

  /** `budgetBytes`: of the memory that the keys are in. */
  constructor(store: Pick<OnlineStore, 'pages'>, budgetBytes: number, mostBusy = MOST_BUSY) {
    this.#store = store;
    this.#mostBusy = mostBusy;
    this.#pageBytes = pageBytes(budgetBytes);
    this.#most = this.#now();
  }

  /** Looks how large the store has become; call it after each commit. */
  look(): void {
    this.#most = this.#now();
  }

  /** As many that twice of them, all that may wait, change no more pages than there is memory for. */
  #now(): number {
    const { pages } = this.#store;
    return pages === undefined ? this.#mostBusy : Math.min(this.#mostBusy, pages.mostKeys(this.#pageBytes) / 2);
  }

  /** Whether a commit is due: what may not leave takes half of the budget, or is as many keys as a commit should write. Hot path. */
  isDue({ busyBytes, busyKeys, maxBytes }: KeyBudget<KeyTiles>): boolean {
    return busyBytes > maxBytes / 2 || busyKeys > this.#most;
  }

  /** Whether events must wait for a commit. Hot path. */
  isFull({ busyBytes, busyKeys, maxBytes }: KeyBudget<KeyTiles>): boolean {
    return busyBytes > 0.75 * maxBytes || busyKeys > 2 * this.#most;
  }
}
