import type { Page } from './lmdb-pages.ts';

/** 16 MiB of pages of 4,096 bytes: those above the leaves of 3 GB, about. */
const MOST_BRANCHES = 4_096;

/** Branches of one tree that are kept in memory, by the last bits of their page numbers. */
export class KeptBranches {
  #slots: (Page | undefined)[] = [];

  get(number: number): Page | undefined {
    const page = this.#slots[number % MOST_BRANCHES];
    return page !== undefined && Number(page.view.getBigUint64(0, true)) === number ? page : undefined;
  }

  /** Keeps a page, whose bytes nobody writes from now on. */
  keep(number: number, page: Page): void {
    this.#slots[number % MOST_BRANCHES] = page;
  }

  forget(): void {
    if (this.#slots.length > 0) this.#slots = [];
  }
}
