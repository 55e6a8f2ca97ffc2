import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { packTensor, unpackTensor } from '../../schema/pack-tensor.ts';
import type { Tensor, TensorSignature } from '../../schema/tensor.ts';
import type { Failure, FromModelThread, RunMessage } from './onnx-messages.ts';

/** A thread or a process that has one model. */
export interface ModelHolder {
  readonly send: (message: RunMessage) => void;
  readonly end: () => Promise<unknown>;
}

/** Learns of a holder that it has opened. */
export interface HolderEvents {
  readonly message: (message: FromModelThread) => void;
  /** It has ended, or cannot begin. */
  readonly ended: (reason: string) => void;
}

/** Starts the holder of a file. */
export type OpenHolder = (file: Uint8Array, events: HolderEvents) => ModelHolder;

interface Run {
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A run that warms a holder which replaces a dead one has at most this many elements in each input. */
const MOST_WARM_ELEMENTS = 10_000;

/**
 * A model on another thread or in another process. A holder that dies fails the runs that it had. Another replaces it at once, and
 * is warm before it runs anything: it repeats the last small run that went well.
 */
export class RemoteModel implements LoadedModel {
  readonly #file: Uint8Array;
  readonly #open: OpenHolder;
  readonly #runs = new Map<number, Run>();
  #signature: TensorSignature = { inputs: [], outputs: [] };
  #holder: ModelHolder | null = null;
  /** The start that runs wait for after a death. */
  #starting: Promise<ModelHolder> | null = null;
  /** Inputs of the last small run that went well. */
  #sample: readonly Tensor[] | null = null;
  #next = 0;
  #closed = false;

  constructor(file: Uint8Array, open: OpenHolder) {
    this.#file = file;
    this.#open = open;
  }

  get signature(): TensorSignature {
    return this.#signature;
  }

  /** Errors: MODEL_RUNTIME, MODEL_FILE. */
  start(): Promise<ModelHolder> {
    this.#starting ??= this.#begin().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async run(inputs: readonly Tensor[], outputs?: readonly string[]): Promise<readonly Tensor[]> {
    if (this.#closed) throw fail('MODEL_FILE', { reason: 'it is closed' });
    const holder = this.#holder ?? (await this.start());
    const results = await this.#runBy(holder, inputs, outputs ?? null);
    if (inputs.every(({ data }) => data.length <= MOST_WARM_ELEMENTS)) this.#sample = inputs;
    return results;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const holder = this.#holder ?? (await this.#starting?.catch(() => null)) ?? null;
    this.#holder = null;
    await holder?.end();
  }

  #runBy(
    holder: ModelHolder,
    inputs: readonly Tensor[],
    outputs: readonly string[] | null,
  ): Promise<readonly Tensor[]> {
    return new Promise((resolve, reject) => {
      this.#next += 1;
      this.#runs.set(this.#next, { resolve, reject });
      holder.send({ id: this.#next, inputs: inputs.map(packTensor), outputs });
    });
  }

  async #begin(): Promise<ModelHolder> {
    const loaded = Promise.withResolvers<TensorSignature>();
    const opened: { holder?: ModelHolder } = {};
    const holder = this.#open(this.#file, {
      message: (message) => {
        if (message.kind === 'loaded') loaded.resolve(message.signature);
        else if (message.kind === 'refused') loaded.reject(errorOf(message.failure));
        else this.#answered(message);
      },
      ended: (reason) => {
        loaded.reject(fail('MODEL_FILE', { reason }));
        if (opened.holder !== undefined) this.#died(opened.holder, reason);
      },
    });
    opened.holder = holder;
    try {
      this.#signature = await loaded.promise;
      const sample = this.#sample;
      // Once: a run that kills its holder must not kill each of its successors.
      this.#sample = null;
      if (sample !== null) await this.#runBy(holder, sample, null);
    } catch (error) {
      await holder.end();
      throw error;
    }
    this.#holder = holder;
    return holder;
  }

  #answered(answer: Extract<FromModelThread, { readonly id: number }>): void {
    const run = this.#runs.get(answer.id);
    this.#runs.delete(answer.id);
    if (answer.kind === 'ran') run?.resolve(answer.outputs.map(unpackTensor));
    else run?.reject(errorOf(answer.failure));
  }

  /** The runs of a holder that ended are lost. */
  #died(holder: ModelHolder, reason: string): void {
    const lost = [...this.#runs.values()];
    this.#runs.clear();
    for (const { reject } of lost) reject(fail('MODEL_FILE', { reason: `${reason} during the run` }));
    if (this.#holder !== holder) return;
    this.#holder = null;
    // A start that fails is tried again by the next run.
    if (!this.#closed) this.start().catch(() => undefined);
  }
}

function errorOf({ code, reason }: Failure): HeadraceError {
  if (code === 'MODEL_TENSOR' || code === 'MODEL_RUNTIME') return fail(code, { reason });
  return fail('MODEL_FILE', { reason });
}
