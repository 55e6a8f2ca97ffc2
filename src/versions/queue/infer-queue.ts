import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { rowsOfTensor, type Tensor } from '../../schema/tensor.ts';
import type { Refusals } from '../request/infer-request.ts';
import { oipRefusals } from '../request/refuse.ts';
import { FairQueue, type Waiting } from './fair-queue.ts';
import { joined, joins } from './joined-requests.ts';
import type { FailureReason } from './model-statistics.ts';
import type { Asked, InferQueueOptions, Ran } from './queue-options.ts';
import { watchCaller } from './watch-caller.ts';

interface Item extends Waiting {
  readonly asked: Asked;
  readonly arrived: number;
  readonly resolve: (ran: Ran) => void;
  readonly reject: (error: unknown) => void;
  readonly refusals: Refusals;
  /** Ends what watches the caller; false: the item has been settled before. */
  settle(): boolean;
  /** Whether nobody waits for its rows. No getter: V8 gives each literal that has one its own shape, which costs 10 µs a request. */
  isOver: boolean;
}

/** Smoothing of the measured rows per ms. */
const SMOOTHING = 0.2;

/** Tenants that both asked within this time share the queue, ms. */
const TOGETHER_MS = 1_000;

/**
 * The requests that wait for one served version. Those of one turn of the event loop, and those that come while a run is
 * under way, run together; an idle queue adds no delay. Expired and cancelled requests leave the queue at once, also while
 * another runs.
 */
export class InferQueue {
  readonly #options: InferQueueOptions;
  readonly #waiting: FairQueue<Item>;
  readonly #refusals: Refusals;
  #running = 0;
  #scheduled = false;
  /** Waits for more rows before the next run; null: nothing waits so. */
  #delay: NodeJS.Timeout | null = null;
  /** Ends when nothing waits or runs; null: that is so now. */
  #idle: PromiseWithResolvers<void> | null = null;
  #msARow = 0;
  #lastTenant: string | null = null;
  /** Until when the queue counts as shared by several tenants, `performance.now()`. */
  #sharedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: InferQueueOptions) {
    this.#options = options;
    this.#refusals = oipRefusals(options.model);
    const { weights } = options.limits;
    this.#waiting = new FairQueue(
      (tenant) => weights[tenant] ?? 1,
      () => this.#rowsARun(),
    );
  }

  /** Requests that wait. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Whether a request waits or runs. */
  get isBusy(): boolean {
    return this.#running > 0 || this.#waiting.size > 0;
  }

  /** Runs a request. Errors: the refusals of its caller, MODEL_TENSOR, MODEL_FILE, MODEL_RUN. */
  submit(asked: Asked): Promise<Ran> {
    const rows = Math.max(1, asked.rows ?? 1);
    const refusal = this.#refusal(asked, rows);
    if (refusal !== null) {
      this.#options.statistics.failed('REJECTED', 0, asked.tenant);
      return Promise.reject(refusal);
    }
    return new Promise((resolve, reject) => {
      const item = this.#item(asked, rows, resolve, reject);
      if (this.#lastTenant !== null && this.#lastTenant !== asked.tenant)
        this.#sharedUntil = item.arrived + TOGETHER_MS;
      this.#lastTenant = asked.tenant;
      this.#waiting.add(item);
      this.#schedule();
    });
  }

  /** Ends when every request that waits or runs has its answer. */
  async drained(): Promise<void> {
    if (!this.isBusy) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  /** Seconds after which the rows that wait now should be done. */
  get waitS(): number {
    return Math.max(1, Math.ceil((this.#waiting.rows * this.#msARow) / 1_000));
  }

  #rowsARun(): number {
    return this.#options.rowsARun(performance.now() < this.#sharedUntil);
  }

  #refusal({ tenant, deadline, signal, isPatient = false, refusals = this.#refusals }: Asked, rows: number) {
    const { limits } = this.#options;
    const [all, own] = [this.#waiting.rows, this.#waiting.rowsOf(tenant)];
    const isFull = all > 0 && all + rows > limits.mostRows;
    const isFullOfCaller = own > 0 && own + rows > limits.mostRowsOfTenant;
    if (isFull && !isPatient) return refusals.full({ whose: 'all', rows: all, afterS: this.waitS });
    if (isFullOfCaller && !isPatient) return refusals.full({ whose: 'caller', rows: own, afterS: this.waitS });
    if (signal?.aborted === true) return refusals.left(1);
    if (deadline <= performance.now()) return refusals.late(1);
    return null;
  }

  #item(asked: Asked, rows: number, resolve: Item['resolve'], reject: Item['reject']): Item {
    const { tenant, priority, deadline, signal, refusals = this.#refusals } = asked;
    const arrived = performance.now();
    const stop = watchCaller(
      { deadline, signal: signal ?? undefined },
      {
        late: () => this.#leave(item, 'REJECTED', refusals.late),
        left: () => this.#leave(item, 'CANCELED', refusals.left),
      },
    );
    const item: Item = {
      asked,
      tenant,
      priority,
      rows,
      arrived,
      resolve,
      reject,
      refusals,
      isOver: false,
      settle: () => {
        if (item.isOver) return false;
        item.isOver = true;
        stop();
        return true;
      },
    };
    return item;
  }

  /** A request whose caller waits for it no longer: it never runs, unless it runs already. */
  #leave(item: Item, why: FailureReason, refusal: (afterS: number) => Error): void {
    if (!item.settle()) return;
    this.#waiting.remove(item);
    this.#fail(item, why, refusal(this.waitS));
    this.#settleIdle();
  }

  #fail(item: Item, why: FailureReason, error: unknown): void {
    this.#options.statistics.failed(why, performance.now() - item.arrived, item.tenant);
    item.reject(error);
  }

  #schedule(): void {
    if (this.#running >= this.#options.instances || this.#waiting.size === 0) return;
    const { delayMs } = this.#options;
    const isFull = this.#waiting.rows >= this.#rowsARun();
    if (this.#delay !== null && isFull) {
      clearTimeout(this.#delay);
      this.#delay = null;
      setImmediate(this.#due);
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (delayMs > 0 && !isFull) this.#delay = setTimeout(this.#due, delayMs);
    else setImmediate(this.#due);
  }

  readonly #due = (): void => {
    this.#scheduled = false;
    this.#delay = null;
    this.#begin();
  };

  #begin(): void {
    while (this.#running < this.#options.instances) {
      const batch = this.#next();
      if (batch.length === 0) break;
      this.#running += 1;
      void this.#run(batch).finally(() => {
        this.#running -= 1;
        this.#settleIdle();
        this.#begin();
      });
    }
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.isBusy) return;
    this.#idle?.resolve();
    this.#idle = null;
  }

  /** The requests of the next run: all of one shape and with the same outputs, up to the rows of a run. */
  #next(): readonly Item[] {
    const now = performance.now();
    const most = this.#rowsARun();
    const batch: Item[] = [];
    let rows = 0;
    for (;;) {
      const item = this.#waiting.take((one) => batch.length === 0 || (rows + one.rows <= most && joins(batch[0], one)));
      if (item === null) return batch;
      if (item.asked.deadline <= now && item.settle()) {
        this.#fail(item, 'REJECTED', item.refusals.late(this.waitS));
        continue;
      }
      batch.push(item);
      rows += item.rows;
    }
  }

  async #run(batch: readonly Item[]): Promise<void> {
    const began = performance.now();
    try {
      const [{ asked }] = batch;
      const inputs = batch.length === 1 ? asked.inputs : joined(batch);
      const isOver = () => batch.every((item) => item.isOver);
      const outputs = await this.#options.run(inputs, asked.outputs, asked.parameters.values, isOver);
      const computeMs = performance.now() - began;
      const rows = batch.reduce((sum, item) => sum + item.rows, 0);
      this.#options.statistics.ran(rows, computeMs);
      this.#msARow = this.#msARow * (1 - SMOOTHING) + (computeMs / rows) * SMOOTHING;
      this.#answer(batch, outputs, began, computeMs);
    } catch (error) {
      await this.#failed(batch, error);
    }
  }

  #answer(batch: readonly Item[], outputs: readonly Tensor[], began: number, computeMs: number): void {
    let from = 0;
    for (const item of batch) {
      const to = from + item.rows;
      const own = batch.length === 1 ? outputs : outputs.map((tensor) => rowsOfTensor(tensor, from, to));
      from = to;
      if (!item.settle()) continue;
      const queueMs = began - item.arrived;
      this.#options.statistics.answered(item.rows, queueMs, computeMs, this.#options.clock(), item.tenant);
      item.resolve({ outputs: own, queueMs, computeMs });
    }
  }

  /** One request's fault is not the others': where a batch fails, each runs alone. */
  async #failed(batch: readonly Item[], error: unknown): Promise<void> {
    const isOfRequest = isHeadraceError(error, 'MODEL_TENSOR') || isHeadraceError(error, 'MODEL_RUN');
    if (batch.length > 1 && isOfRequest) {
      for (const item of batch) await this.#run([item]);
      return;
    }
    const { model } = this.#options;
    const known = isHeadraceError(error) ? error : fail('MODEL_RUN', { model, reason: reasonOf(error) }, error);
    for (const item of batch) if (item.settle()) this.#fail(item, 'BACKEND', known);
  }
}
