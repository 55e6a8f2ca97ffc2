import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { LoadedModel, ModelParameter, RunParameters } from '../../ports/model-runtime.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import { joinRows, rowsOfTensor, type Tensor, type TensorSignature } from '../../schema/tensor.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { batchedSignature } from '../config/served-signature.ts';
import type { Warmed } from '../load/warm-up.ts';
import { type Place, RunPlace } from '../place/run-place.ts';
import { InferQueue } from '../queue/infer-queue.ts';
import { type FailureReason, ModelStatistics } from '../queue/model-statistics.ts';
import { OpenStreams } from '../queue/open-streams.ts';
import type { Asked, QueueLimits, Ran } from '../queue/queue-options.ts';
import { deadlineOf, priorityOf } from '../queue/queue-policy.ts';
import type { SequencePart, Sequencer } from '../queue/sequencer.ts';
import { callerParameters } from '../request/caller-key.ts';
import type { InferCaller, InferReply, InferRequest } from '../request/infer-request.ts';
import { type CheckedParameters, checkParameters, NO_PARAMETERS } from '../request/model-parameters.ts';
import { DECOUPLED, refuse, unavailable } from '../request/refuse.ts';

export interface ServedVersionOptions {
  readonly config: ModelConfig;
  readonly version: string;
  readonly loaded: LoadedModel;
  readonly warmed: Warmed;
  readonly sequencer: Sequencer | null;
  readonly place: Place;
  readonly sizeBytes: number;
  /** Whether it can run on this thread and on one of its own. */
  readonly canMove?: boolean;
  /** Of the same version at its former place. */
  readonly statistics?: ModelStatistics | undefined;
  /** When it came from its former place (`performance.now()`); left out: it had none. */
  readonly movedAt?: number | undefined;
  readonly limits: QueueLimits;
  readonly clock: () => number;
}

/** Rows of a run of a model whose configuration has no bound. */
const ROWS_A_RUN = 512;

/** Platforms whose runs wait for others, so that they overlap on the thread of the requests. */
const OVERLAPPING: readonly string[] = ['function', 'pipeline'];

/** Requests kept to warm the next version with. */
const KEPT = 8;

/** Whether a model has a dimension of rows that requests may share. */
export function hasRows({ maxBatchSize, ensemble }: ModelConfig, { inputs, outputs }: TensorSignature): boolean {
  if (ensemble !== null) return false;
  return maxBatchSize > 0 || (inputs.length > 0 && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1));
}

/** Rows of the largest run of a model. */
export function mostRowsOf({ maxBatchSize }: ModelConfig): number {
  return maxBatchSize > 0 ? maxBatchSize : ROWS_A_RUN;
}

/** One loaded version of a model: it checks requests, queues them and runs them. */
export class ServedVersion {
  readonly config: ModelConfig;
  readonly version: string;
  readonly signature: TensorSignature;
  readonly statistics: ModelStatistics;
  /** Memory that loading it took, bytes. */
  readonly sizeBytes: number;
  readonly warmed: Warmed;
  readonly queue: InferQueue;
  /** The inputs of the last requests: real rows for the next load. */
  readonly recent: (readonly Tensor[])[] = [];
  /** `performance.now()` of the last request. */
  lastUsed = performance.now();
  /** From the order to load it until it could answer, ms: its cold start. */
  loadMs = 0;
  /** Whether it rejects new requests. */
  isClosing = false;
  /** `performance.now()` of the last try to change its place. */
  movedAt: number;
  readonly #loaded: LoadedModel;
  readonly #hasRows: boolean;
  readonly #sequencer: Sequencer | null;
  readonly #all: readonly string[];
  readonly #streams: OpenStreams;
  readonly #clock: () => number;
  readonly #runs: RunPlace;
  /** Of a request that sets nothing. */
  readonly #plain: Pick<Asked, 'parameters' | 'priority'>;
  #kept = 0;

  constructor(options: ServedVersionOptions) {
    const { config, version, loaded, warmed, place, sizeBytes, limits, clock } = options;
    this.config = config;
    this.version = version;
    this.signature = batchedSignature(config);
    this.sizeBytes = sizeBytes;
    this.warmed = warmed;
    this.statistics = options.statistics ?? new ModelStatistics();
    const canMove = options.canMove === true && options.sequencer === null;
    this.#runs = new RunPlace({ place, warmed, mostRows: mostRowsOf(config), canMove });
    this.movedAt = options.movedAt ?? Number.NEGATIVE_INFINITY;
    this.#loaded = loaded;
    this.#streams = new OpenStreams(config.name);
    this.#clock = clock;
    this.#sequencer = options.sequencer;
    this.#hasRows = hasRows(config, this.signature);
    this.#all = this.signature.outputs.map(({ name }) => name);
    const plain = { parameters: {}, id: '' };
    this.#plain = { parameters: this.parametersOf(plain), priority: priorityOf(config, plain) };
    this.queue = new InferQueue({
      model: config.name,
      version,
      limits,
      rowsARun: (severalTenants) => this.#runs.rowsARun(severalTenants),
      delayMs: config.batching?.delayMs ?? 0,
      instances: place === 'here' && !OVERLAPPING.includes(config.platform) ? 1 : config.instances,
      run: (...asked) => this.#run(...asked),
      statistics: this.statistics,
      clock,
    });
  }

  get name(): string {
    return this.config.name;
  }

  /** Whether requests wait, run, or are in the middle of a sequence. */
  get isBusy(): boolean {
    return this.queue.isBusy || this.#streams.isBusy || (this.#sequencer?.isActive(performance.now()) ?? false);
  }

  get place(): Place {
    return this.#runs.place;
  }

  /** Inputs and outputs as the loaded model declares them. */
  get tensors(): TensorSignature {
    return this.#loaded.signature;
  }

  /** Whether its runs take much longer, or much less, than those that its place is for. */
  get isMisplaced(): boolean {
    return this.#runs.isMisplaced;
  }

  /** Whether the tensors and parameters of a request are those that the version takes. */
  accepts(request: InferRequest): boolean {
    const { inputs, outputs } = request;
    try {
      this.parametersOf(request);
    } catch {
      return false;
    }
    return inputFault(this.signature, inputs, outputs?.map(({ name }) => name) ?? this.#all) === null;
  }

  /** Parameters that the model declares. */
  get parameters(): readonly ModelParameter[] {
    return this.#loaded.parameters ?? [];
  }

  /**
   * The parameters of a request's run. A model that declares none ignores all; the members of an ensemble are asked for the same caller.
   * Error: OIP_REQUEST.
   */
  parametersOf({ parameters, id }: Pick<InferRequest, 'parameters' | 'id'>): CheckedParameters {
    if (this.config.ensemble !== null) return { values: callerParameters({ parameters, id }), key: '' };
    if (this.parameters.length === 0) return NO_PARAMETERS;
    return checkParameters(this.parameters, parameters, this.name);
  }

  /** Answers a request. Errors: OIP_REQUEST, OIP_UNAVAILABLE, MODEL_TENSOR, MODEL_FILE, MODEL_RUN. */
  infer(request: InferRequest, caller: InferCaller): Promise<InferReply> {
    if (this.#loaded.stream !== undefined) return Promise.reject(fail('OIP_UNSUPPORTED', { reason: DECOUPLED }));
    this.lastUsed = performance.now();
    const outputs = request.outputs?.map(({ name }) => name) ?? this.#all;
    const rows = this.#checked(() => this.#rowsOf(request, outputs));
    this.#keep(request.inputs);
    if (this.#sequencer === null) return this.#submit(request, caller, request.inputs, outputs, rows);
    const sequencer = this.#sequencer;
    const run = (part: SequencePart) => {
      const controls = this.#checked(() => sequencer.controlTensors(part, this.#loaded.signature, rows ?? 1));
      return this.#submit(request, caller, [...request.inputs, ...controls], outputs, null);
    };
    return this.#checked(() => sequencer.run(request, run));
  }

  /** Runs inputs that fit by their load, as the rows of a held version do, in the queue of all requests. Errors: as `InferQueue.submit`. Hot path. */
  run(inputs: readonly Tensor[], outputs: readonly string[], caller: InferCaller): Promise<Ran> {
    this.lastUsed = performance.now();
    this.#keep(inputs);
    const rows = this.#hasRows && this.warmed.joinsRows ? inputs[0].shape[0] : null;
    return this.queue.submit({ ...caller, ...this.#plain, inputs, outputs, rows });
  }

  /**
   * Answers a request piece by piece; a model that is run at once has one piece. A caller that leaves ends the model's work.
   * Errors: as `infer`.
   */
  async *pieces(request: InferRequest, caller: InferCaller): AsyncGenerator<InferReply> {
    const { stream } = this.#loaded;
    if (stream === undefined) {
      yield await this.infer(request, caller);
      return;
    }
    this.lastUsed = performance.now();
    const began = this.lastUsed;
    const outputs = request.outputs?.map(({ name }) => name) ?? this.#all;
    this.#checked(() => this.#rowsOf(request, outputs));
    const deadline = this.#checked(() => Math.min(caller.deadline, deadlineOf(this.config, request, 1)));
    const of = { model: this.name, version: this.version, id: request.id, queueMs: 0 };
    let isWhole = false;
    try {
      for await (const tensors of this.#streams.run(stream, request.inputs, outputs, { ...caller, deadline }))
        yield { ...of, outputs: tensors, computeMs: performance.now() - began };
      isWhole = true;
      this.statistics.answered(1, 0, performance.now() - began, this.#clock(), caller.tenant);
    } catch (error) {
      isWhole = true;
      this.statistics.failed(failureOf(error, caller), performance.now() - began, caller.tenant);
      throw error;
    } finally {
      // The reader of the pieces has left.
      if (!isWhole) this.statistics.failed('CANCELED', performance.now() - began, caller.tenant);
    }
  }

  /** Frees the model once every request that it has taken has its answer. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.queue.drained();
    await this.#streams.drained();
    await this.#loaded.close();
  }

  async #submit(
    request: InferRequest,
    caller: InferCaller,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    rows: number | null,
  ): Promise<InferReply> {
    const priority = this.#checked(() => priorityOf(this.config, request));
    const deadline = this.#checked(() => Math.min(caller.deadline, deadlineOf(this.config, request, priority)));
    const parameters = this.#checked(() => this.parametersOf(request));
    const ran = await this.queue.submit({ ...caller, deadline, inputs, outputs, parameters, priority, rows });
    const { queueMs, computeMs } = ran;
    return { model: this.name, version: this.version, id: request.id, outputs: ran.outputs, queueMs, computeMs };
  }

  /** The result of a check; a request that it refuses has failed before the queue, which counts the others. */
  #checked<T>(check: () => T): T {
    try {
      return check();
    } catch (error) {
      this.statistics.failed('OTHER', 0);
      throw error;
    }
  }

  /** Checks a request; gives its rows, or null where it cannot share a run. */
  #rowsOf({ inputs }: InferRequest, outputs: readonly string[]): number | null {
    const fault = inputFault(this.signature, inputs, outputs);
    if (fault !== null) throw refuse(`${fault} for model '${this.name}'`);
    if (!this.#hasRows) return null;
    const [{ shape }] = inputs;
    const [rows] = shape;
    if (inputs.some((tensor) => tensor.shape[0] !== rows))
      throw refuse(`input '${inputs[0].name}' has ${rows} rows and another input has not, for model '${this.name}'`);
    const { maxBatchSize } = this.config;
    if (maxBatchSize > 0 && rows > maxBatchSize)
      throw refuse(`inference request batch-size must be <= ${maxBatchSize} for '${this.name}'`);
    // A request without rows has no part in the answer of a run that others share.
    return this.warmed.joinsRows && rows > 0 ? rows : null;
  }

  /** A request with more rows than a run may have on this thread runs in pieces: others go between. It ends once nobody waits. */
  async #run(
    inputs: readonly Tensor[],
    outputs: readonly string[],
    parameters: RunParameters,
    isOver: () => boolean,
  ): Promise<readonly Tensor[]> {
    const most = this.#runs.rowsARun(false);
    const rows = inputs[0]?.shape[0] ?? 0;
    if (this.place !== 'here' || !this.warmed.joinsRows || rows <= most || this.#sequencer !== null)
      return this.#timed(rows, inputs, outputs, parameters);
    const pieces: (readonly Tensor[])[] = [];
    for (let from = 0; from < rows; from += most) {
      const to = Math.min(rows, from + most);
      if (isOver()) throw unavailable('the caller has gone');
      const part = inputs.map((tensor) => rowsOfTensor(tensor, from, to));
      pieces.push(await this.#timed(to - from, part, outputs, parameters));
    }
    return outputs.map((_, i) => {
      const [first, ...rest] = pieces.map((piece) => piece[i]);
      return joinRows([first, ...rest]);
    });
  }

  /** One run of the model. Its time corrects the estimate of the warm-up. */
  async #timed(
    rows: number,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    parameters: RunParameters,
  ): Promise<readonly Tensor[]> {
    const began = performance.now();
    const answer = await this.#loaded.run(inputs, outputs, parameters);
    this.#runs.ran(this.#hasRows ? rows : 1, performance.now() - began);
    return answer;
  }

  #keep(inputs: readonly Tensor[]): void {
    if (this.#kept < KEPT) this.recent.push(inputs);
    // Now and then a newer one: the rows of a morning are not those of an evening.
    else if (this.#kept % 1_024 === 0) this.recent[(this.#kept / 1_024) % KEPT] = inputs;
    this.#kept += 1;
  }
}

function failureOf(error: unknown, { signal }: InferCaller): FailureReason {
  if (signal?.aborted === true) return 'CANCELED';
  return isHeadraceError(error, 'OIP_UNAVAILABLE') ? 'REJECTED' : 'BACKEND';
}
