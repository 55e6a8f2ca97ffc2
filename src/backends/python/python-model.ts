import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { LoadedModel, ModelParameter, RunParameters } from '../../ports/model-runtime.ts';
import type { PythonWorker } from '../../ports/python-runtime.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import { shapeFits, type Tensor, type TensorSignature, type TensorSpec } from '../../schema/tensor.ts';
import { type Frame, tensorsOf } from './frame.ts';
import { parametersOf, specsOf } from './model-description.ts';
import { WorkerProcess, type WorkerProgram } from './worker-process.ts';

/** An ONNX file that may compute the same as a model. */
export interface OnnxCandidate {
  readonly file: Uint8Array;
  /** The tensors that it must have. */
  readonly signature: TensorSignature;
  /** Rows, and what the model answers for them. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export interface PythonModelOptions {
  readonly program: WorkerProgram;
  /** The first message to each worker. */
  readonly load: object;
  readonly startMs: number;
  readonly timeoutMs: number;
  /** The job that has it alone; null: it is served. After a worker that a run of a job ended, the next one starts at once. */
  readonly job: string | null;
  /** Called once, when it is closed and its worker has gone. */
  readonly onClosed: () => Promise<void>;
}

/** The wait before the next start, after this many failures in a row; ms. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/** Requests of another kind than a run may take longer. */
const CONVERSION_MS = 120_000;

type State =
  | { readonly kind: 'starting'; readonly started: Promise<WorkerProcess> }
  | { readonly kind: 'ready'; readonly worker: WorkerProcess }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout; readonly error: HeadraceError }
  | { readonly kind: 'closed' };

/**
 * A version in a worker process. It owns the worker: one that ends fails the runs that it had, and the next one loads and
 * runs the model before it answers. Workers that end again and again are started ever later. A job bounds the runs of a row
 * itself, so only workers that end before a run are started later.
 */
export class PythonModel implements LoadedModel {
  readonly #options: PythonModelOptions;
  #state: State = { kind: 'closed' };
  #signature: TensorSignature = { inputs: [], outputs: [] };
  #parameters: readonly ModelParameter[] = [];
  #examples: readonly (readonly Tensor[])[] = [];
  #isolation: PythonWorker['isolation'] = 'unknown';
  #network: PythonWorker['network'] = 'unknown';
  #restarts = 0;
  /** Ends of workers since the last run that had an answer; of a job, since the last worker that it asked for a run. */
  #failures = 0;
  #last: WorkerProcess | null = null;
  /** The worker that was asked for a run last. */
  #asked: WorkerProcess | null = null;

  private constructor(options: PythonModelOptions) {
    this.#options = options;
  }

  /** Starts the first worker. Errors: PYTHON_LOAD, PYTHON_TIME, PYTHON_ENDED, PYTHON_FRAME, PYTHON_LIMIT. */
  static async open(options: PythonModelOptions): Promise<PythonModel> {
    const model = new PythonModel(options);
    try {
      const worker = await model.#start();
      model.#state = { kind: 'ready', worker };
      return model;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  get signature(): TensorSignature {
    return this.#signature;
  }

  /** Parameters of its signature. */
  get parameters(): readonly ModelParameter[] {
    return this.#parameters;
  }

  /** The rows that it was logged with. */
  get examples(): readonly (readonly Tensor[])[] {
    return this.#examples;
  }

  /** Memory of its processes, bytes. */
  get memoryBytes(): number {
    return this.#last?.memoryBytes ?? 0;
  }

  /** How its worker is. */
  get report(): PythonWorker {
    const { kind } = this.#state;
    return {
      ...this.#options.program.of,
      job: this.#options.job,
      state: kind === 'closed' ? 'waiting' : kind,
      reason: this.#state.kind === 'waiting' ? this.#state.error.message : '',
      isolation: this.#isolation,
      network: this.#network,
      restarts: this.#restarts,
      memoryBytes: this.memoryBytes,
    };
  }

  async run(
    inputs: readonly Tensor[],
    outputs?: readonly string[],
    parameters: RunParameters = {},
  ): Promise<readonly Tensor[]> {
    const asked = outputs ?? this.#signature.outputs.map(({ name }) => name);
    const fault = inputFault(this.#signature, inputs, asked);
    if (fault !== null) throw fail('MODEL_TENSOR', { reason: fault });
    const worker = await this.#worker();
    const { timeoutMs } = this.#options;
    this.#asked = worker;
    const frame = await worker.ask({ kind: 'run', outputs: asked, parameters }, inputs, timeoutMs);
    this.#failures = 0;
    return this.#results(worker, frame, asked);
  }

  /** ONNX files that may compute the same, with rows and answers of the model; none where it cannot be converted. */
  async asOnnx(): Promise<readonly OnnxCandidate[]> {
    const worker = await this.#worker();
    const frame = await worker.ask({ kind: 'onnx' }, [], CONVERSION_MS);
    if (frame.message['kind'] !== 'converted') return [];
    const tensors = this.#tensors(worker, frame);
    const named = (begin: string) =>
      tensors
        .filter(({ name }) => name.startsWith(begin))
        .map((one) => ({ ...one, name: one.name.slice(begin.length) }));
    const [inputs, outputs] = [named('in/'), named('out/')];
    const { signature } = this;
    return named('file/').flatMap((file) =>
      file.type === 'UINT8' ? [{ file: file.data as Uint8Array, signature, inputs, outputs }] : [],
    );
  }

  /** Looks at the memory of its worker now, bytes. */
  async measure(): Promise<number> {
    return (await this.#last?.measure()) ?? 0;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'waiting') clearTimeout(state.timer);
    const worker = this.#last;
    this.#last = null;
    if (worker === null) return;
    worker.kill(this.#closedError());
    await worker.gone;
    await this.#options.onClosed();
  }

  #closedError(): HeadraceError {
    return fail('PYTHON_DOWN', { ...this.#options.program.of, reason: 'it is closed' });
  }

  #downError(error: unknown): HeadraceError {
    return fail('PYTHON_DOWN', { ...this.#options.program.of, reason: reasonOf(error) }, error);
  }

  async #worker(): Promise<WorkerProcess> {
    const state = this.#state;
    switch (state.kind) {
      case 'ready':
        return state.worker;
      case 'starting':
        // A worker that ends while it loads is no fault of the run.
        return state.started.catch((error: unknown) => {
          throw this.#downError(error);
        });
      case 'waiting':
        throw this.#downError(state.error);
      case 'closed':
        throw this.#closedError();
      default:
        return state satisfies never;
    }
  }

  /** A worker that has loaded the model. */
  async #start(): Promise<WorkerProcess> {
    const { program, load, startMs } = this.#options;
    const worker: WorkerProcess = new WorkerProcess(program, (error) => this.#ended(worker, error));
    this.#last = worker;
    const frame = await worker.ask(load, [], startMs);
    try {
      this.#describe(worker, frame);
    } catch (error) {
      const refused = isHeadraceError(error) ? error : fail('PYTHON_FRAME', { ...program.of, reason: reasonOf(error) });
      worker.kill(refused);
      throw refused;
    }
    await worker.measure();
    return worker;
  }

  #describe(worker: WorkerProcess, frame: Frame): void {
    const { message } = frame;
    const { of } = this.#options.program;
    if (message['kind'] !== 'loaded') throw fail('PYTHON_LOAD', { ...of, reason: String(message['reason'] ?? '') });
    const signature = { inputs: specsOf(message['inputs']), outputs: specsOf(message['outputs']) };
    const isFirst = this.#signature.outputs.length === 0;
    if (!isFirst && JSON.stringify(signature) !== JSON.stringify(this.#signature))
      throw fail('PYTHON_LOAD', { ...of, reason: 'it has another signature than when it was loaded first' });
    this.#signature = signature;
    this.#parameters = parametersOf(message['parameters']);
    this.#isolation = isolationOf(message['isolation']);
    this.#network = networkOf(message['network']);
    const example = this.#tensors(worker, frame);
    this.#examples = inputFault(signature, example) === null ? [example] : [];
  }

  /** Called when a worker has ended, whoever ended it. */
  #ended(worker: WorkerProcess, error: HeadraceError): void {
    const state = this.#state;
    if (state.kind === 'closed' || worker !== this.#last) return;
    const isBounded = this.#options.job !== null && worker === this.#asked;
    this.#failures = isBounded ? 0 : this.#failures + 1;
    const waitMs = this.#failures <= 1 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    const timer = setTimeout(() => this.#restart(), waitMs);
    this.#state = { kind: 'waiting', timer, error };
    if (waitMs > 0) return;
    clearTimeout(timer);
    this.#restart();
  }

  #restart(): void {
    if (this.#state.kind !== 'waiting') return;
    this.#restarts += 1;
    const started = this.#start();
    const starting: State = { kind: 'starting', started };
    this.#state = starting;
    started.then(
      (worker) => {
        if (this.#state === starting) this.#state = { kind: 'ready', worker };
      },
      // Its end says so too, and starts the next one.
      () => undefined,
    );
  }

  #results(worker: WorkerProcess, frame: Frame, asked: readonly string[]): readonly Tensor[] {
    const { of } = this.#options.program;
    const { kind, reason } = frame.message;
    if (kind === 'failed') throw fail('MODEL_RUN', { model: of.model, reason: String(reason ?? '') });
    if (kind !== 'ran') throw this.#broken(worker, `the answer '${String(kind)}' to a run`);
    const tensors = this.#tensors(worker, frame);
    return asked.map((name) => {
      const spec = this.#signature.outputs.find((output) => output.name === name);
      const tensor = tensors.find((one) => one.name === name);
      if (spec === undefined || tensor === undefined)
        throw fail('PYTHON_OUTPUT', { ...of, reason: `no output '${name}'` });
      if (tensor.type !== spec.type || !shapeFits(tensor.shape, spec.shape))
        throw fail('PYTHON_OUTPUT', { ...of, reason: `${shown(tensor)} as '${name}', which is ${shown(spec)}` });
      return tensor;
    });
  }

  #tensors(worker: WorkerProcess, frame: Frame): readonly Tensor[] {
    try {
      return tensorsOf(frame);
    } catch (error) {
      throw this.#broken(worker, reasonOf(error));
    }
  }

  #broken(worker: WorkerProcess, reason: string): HeadraceError {
    const error = fail('PYTHON_FRAME', { ...this.#options.program.of, reason });
    worker.kill(error);
    return error;
  }
}

function isolationOf(value: unknown): PythonWorker['isolation'] {
  return value === 'namespaces' || value === 'user' || value === 'none' ? value : 'unknown';
}

function networkOf(value: unknown): PythonWorker['network'] {
  return value === 'own' || value === 'server' ? value : 'unknown';
}

function shown({ type, shape }: Pick<TensorSpec, 'type' | 'shape'>): string {
  return `${type} [${shape.join(',')}]`;
}
