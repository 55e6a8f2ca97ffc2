import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { RunParameters } from '../../ports/model-runtime.ts';
import { joinRows, rowsOfTensor, type Tensor } from '../../schema/tensor.ts';
import type { InferCaller } from '../request/infer-request.ts';
import type { CheckedParameters } from '../request/model-parameters.ts';
import { unavailable } from '../request/refuse.ts';
import { FairQueue, type Waiting } from './fair-queue.ts';
import type { FailureReason, ModelStatistics } from './model-statistics.ts';

/** Bounds of a queue. */
export interface QueueLimits {
  /** Rows that may wait. */
  readonly mostRows: number;
  /** Rows of one tenant that may wait. */
  readonly mostRowsOfTenant: number;
  /** Shares of tenants; one that is not named has 1. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface InferQueueOptions {
  readonly model: string;
  readonly version: string;
  readonly limits: QueueLimits;
  /** Rows of one run, while several tenants ask or only one; 1: rows of different requests are never joined. */
  readonly rowsARun: (severalTenants: boolean) => number;
  /** How long the first request of a batch waits for more, ms. */
  readonly delayMs: number;
  /** Runs at once. */
  readonly instances: number;
  readonly run: (
    inputs: readonly Tensor[],
    outputs: readonly string[],
    parameters: RunParameters,
  ) => Promise<readonly Tensor[]>;
  readonly statistics: ModelStatistics;
  /** Epoch ms. */
  readonly clock: () => number;
}

/** The run that a request asks for. */
export interface Asked extends InferCaller {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  readonly parameters: CheckedParameters;
  readonly priority: number;
  /** Rows, where the model can be run over several requests at once; null: it cannot, and the request runs alone. */
  readonly rows: number | null;
}

/** Outputs of a request, and the time that it waited and ran, ms. */
export interface Ran {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
  readonly computeMs: number;
}

interface Item extends Waiting {
  readonly asked: Asked;
  readonly arrived: number;
  readonly resolve: (ran: Ran) => void;
  readonly reject: (error: unknown) => void;
  /** Ends what watches the caller; false: the item has been settled before. */
  settle(): boolean;
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

  /** Runs a request. Errors: OIP_UNAVAILABLE, MODEL_TENSOR, MODEL_FILE, MODEL_RUN. */
  submit(asked: Asked): Promise<Ran> {
    const rows = Math.max(1, asked.rows ?? 1);
    const refusal = this.#refusal(asked, rows);
    if (refusal !== null) {
      this.#options.statistics.failed('REJECTED', 0);
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

  #refusal({ tenant, deadline, signal }: Asked, rows: number) {
    const { limits, model } = this.#options;
    if (signal?.aborted === true) return unavailable('the caller has gone');
    if (deadline <= performance.now()) return unavailable('Request timeout expired');
    if (this.#waiting.rows + rows > limits.mostRows && this.#waiting.size > 0)
      return unavailable(`Exceeds maximum queue size of model '${model}'`, this.waitS);
    if (this.#waiting.rowsOf(tenant) + rows > limits.mostRowsOfTenant && this.#waiting.rowsOf(tenant) > 0)
      return unavailable(`Exceeds maximum queue size of the caller for model '${model}'`, this.waitS);
    return null;
  }

  #item(asked: Asked, rows: number, resolve: Item['resolve'], reject: Item['reject']): Item {
    const { tenant, priority, deadline, signal } = asked;
    const arrived = performance.now();
    let settled = false;
    const gone = () => this.#leave(item, 'CANCELED', 'the caller has gone');
    const timer = Number.isFinite(deadline)
      ? setTimeout(() => this.#leave(item, 'REJECTED', 'Request timeout expired'), Math.max(0, deadline - arrived))
      : null;
    const item: Item = {
      asked,
      tenant,
      priority,
      rows,
      arrived,
      resolve,
      reject,
      settle: () => {
        if (settled) return false;
        settled = true;
        if (timer !== null) clearTimeout(timer);
        signal?.removeEventListener('abort', gone);
        return true;
      },
    };
    signal?.addEventListener('abort', gone, { once: true });
    return item;
  }

  /** A request whose caller waits for it no longer: it never runs, unless it runs already. */
  #leave(item: Item, why: FailureReason, reason: string): void {
    if (!item.settle()) return;
    this.#waiting.remove(item);
    this.#fail(item, why, unavailable(reason, this.waitS));
    this.#settleIdle();
  }

  #fail(item: Item, why: FailureReason, error: unknown): void {
    this.#options.statistics.failed(why, performance.now() - item.arrived);
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
        this.#fail(item, 'REJECTED', unavailable('Request timeout expired', this.waitS));
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
      const outputs = await this.#options.run(inputs, asked.outputs, asked.parameters.values);
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
      this.#options.statistics.answered(item.rows, queueMs, computeMs, this.#options.clock());
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

/** Whether two requests can run together. */
function joins({ asked: a }: Item, { asked: b }: Item): boolean {
  if (a.rows === null || b.rows === null || a.parameters.key !== b.parameters.key) return false;
  if (a.outputs.length !== b.outputs.length || a.inputs.length !== b.inputs.length) return false;
  if (!a.outputs.every((name, i) => name === b.outputs[i])) return false;
  return a.inputs.every((tensor, i) => {
    const other = b.inputs[i];
    if (tensor.name !== other.name || tensor.shape.length !== other.shape.length) return false;
    return tensor.shape.every((size, d) => d === 0 || size === other.shape[d]);
  });
}

function joined(batch: readonly Item[]): readonly Tensor[] {
  return batch[0].asked.inputs.map(({ name }, i) => {
    const [first, ...rest] = batch.map(({ asked }) => asked.inputs[i]);
    return { ...joinRows([first, ...rest]), name };
  });
}
