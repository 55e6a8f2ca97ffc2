import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { Tensor } from '../../schema/tensor.ts';
import type { InferCaller } from '../request/infer-request.ts';
import { unavailable } from '../request/refuse.ts';

/** Answers in pieces that one version may have under way. */
const MOST_OPEN = 1_024;

/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The answers in pieces of one version that are under way: bounded, and ended when their callers wait no longer. */
export class OpenStreams {
  readonly #model: string;
  #open = 0;
  /** Ends when none is open; null: that is so now. */
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(model: string) {
    this.#model = model;
  }

  get isBusy(): boolean {
    return this.#open > 0;
  }

  /** Ends when none is open. */
  async drained(): Promise<void> {
    if (this.#open === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  /** The pieces of one answer. Errors: OIP_UNAVAILABLE, those of the model. */
  async *run(
    stream: NonNullable<LoadedModel['stream']>,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    { deadline, signal }: InferCaller,
  ): AsyncGenerator<readonly Tensor[]> {
    if (signal?.aborted === true) throw unavailable('the caller has gone');
    if (deadline <= performance.now()) throw unavailable('Request timeout expired');
    if (this.#open >= MOST_OPEN) throw unavailable(`Exceeds maximum number of streams of model '${this.#model}'`);
    const ended = new AbortController();
    const left = Promise.withResolvers<never>();
    left.promise.catch(() => undefined);
    const leave = (reason: string) => {
      left.reject(unavailable(reason));
      ended.abort();
    };
    const gone = () => leave('the caller has gone');
    signal?.addEventListener('abort', gone, { once: true });
    const waitMs = Math.min(LONGEST_TIMER_MS, deadline - performance.now());
    const timer = Number.isFinite(deadline) ? setTimeout(() => leave('Request timeout expired'), waitMs) : null;
    this.#open += 1;
    const pieces = stream(inputs, outputs, ended.signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await Promise.race([pieces.next(), left.promise]);
        if (done === true) return;
        yield value;
      }
    } finally {
      ended.abort();
      if (timer !== null) clearTimeout(timer);
      signal?.removeEventListener('abort', gone);
      // Not awaited: a piece that never comes would hold the caller.
      pieces.return?.().catch(() => undefined);
      this.#open -= 1;
      if (this.#open === 0) this.#idle?.resolve();
      if (this.#open === 0) this.#idle = null;
    }
  }
}
