import { Worker } from 'node:worker_threads';
import { type ErrorCode, fail, HeadraceError } from '../../../base/errors/fail.ts';
import type { StreamViewData } from '../../../features/define/declaration.ts';
import type { TileReport } from '../../../ports/online-store.ts';
import type { CheckedPages } from './page-check.ts';
import type { RowsOrder } from './row-writes.ts';
import type { StepOrder } from './store-steps.ts';
import type { WholeCommit } from './write-commit.ts';

/** An order of the thread: a commit, rows of a batch view, or one step of long work. */
export type StoreOrder =
  | { readonly kind: 'commit'; readonly views: readonly StreamViewData[]; readonly commit: WholeCommit }
  | RowsOrder
  | StepOrder;

/** The outcome of an order. */
export interface StoreDone {
  readonly report: TileReport;
  /** Where the next step of long work begins; null where nothing is left. */
  readonly next: Uint8Array | null;
}

export type StoreAnswer = StoreDone | { readonly code: ErrorCode; readonly facts: HeadraceError['facts'] };

/** The new objects of the thread are few and small: its young heap can stay small. */
const YOUNG_MB = 8;

/**
 * A thread for the commits of a store, so that reads do not wait for them. It shares the LMDB environment, and a commit
 * is one transaction there. Readers see the state before it until it is whole.
 */
export class CommitThread {
  readonly #file: string;
  #worker: Worker | null = null;

  readonly #pages: CheckedPages | null;

  constructor(file: string, pages: CheckedPages | null) {
    this.#file = file;
    this.#pages = pages;
  }

  /** Whether it runs already. */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** Runs orders, one at a time. Errors: STORE_WRITE, STORE_CORRUPT. */
  write(order: StoreOrder): Promise<StoreDone> {
    const worker = this.#started();
    return new Promise((resolve, reject) => {
      const failed = (error: unknown) => {
        const reason = error instanceof Error ? error.message : `the thread that writes ended with ${error}`;
        settle(() => reject(fail('STORE_WRITE', { path: this.#file, reason }, error)));
      };
      const answered = (answer: StoreAnswer) =>
        settle(() => ('report' in answer ? resolve(answer) : reject(new HeadraceError(answer.code, answer.facts))));
      const settle = (end: () => void) => {
        worker.off('message', answered).off('error', failed).off('exit', failed).unref();
        end();
      };
      worker.on('message', answered).on('error', failed).on('exit', failed).ref();
      const chunks = order.kind === 'commit' ? order.commit.chunks : [];
      const buffers = chunks.flatMap(({ numbers, bytes }) => [numbers.buffer, bytes.buffer]);
      if (order.kind === 'rows') buffers.push(order.rows.buffer);
      worker.postMessage(order, buffers);
    });
  }

  /** Ends the thread; nothing may be on its way. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage(null);
    await ended;
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./commit-worker${ending}`, import.meta.url), {
      workerData: { file: this.#file, pages: this.#pages },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker = worker;
    const gone = () => {
      if (this.#worker === worker) this.#worker = null;
    };
    worker.on('error', gone).on('exit', gone).unref();
    return worker;
  }
}
