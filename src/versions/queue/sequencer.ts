import { type InTurn, turnsInOrder } from '../../base/in-turn.ts';
import { type Tensor, type TensorSignature, tensorArrays } from '../../schema/tensor.ts';
import type { SequenceControl, Sequencing } from '../config/model-config.ts';
import type { InferRequest } from '../request/infer-request.ts';
import { refuse, unavailable } from '../request/refuse.ts';

interface Sequence {
  lastUsed: number;
  /** Ends with the last request of it. */
  readonly inTurn: InTurn;
}

/** The part of a sequence that a request is. */
export interface SequencePart {
  readonly id: bigint | string;
  readonly start: boolean;
  readonly end: boolean;
}

/** The open sequences of one version: their requests run in order, and one that is not used for a while ends. */
export class Sequencer {
  readonly #model: string;
  readonly #config: Sequencing;
  readonly #open = new Map<string, Sequence>();

  constructor(model: string, config: Sequencing) {
    this.#model = model;
    this.#config = config;
  }

  get openSequences(): number {
    return this.#open.size;
  }

  /** Whether one that is used now is open: its version must not be unloaded. */
  isActive(now: number): boolean {
    this.#expire(now);
    return this.#open.size > 0;
  }

  /** Runs the request as the next of its sequence. Errors: OIP_REQUEST, OIP_UNAVAILABLE, those of `run`. */
  run<T>(request: InferRequest, run: (part: SequencePart) => Promise<T>): Promise<T> {
    const part = this.#partOf(request);
    const now = performance.now();
    this.#expire(now);
    const key = `${typeof part.id}:${part.id}`;
    const known = this.#open.get(key);
    if (known === undefined && !part.start)
      throw refuse(
        `inference request for sequence ${part.id} to model '${this.#model}' must specify the START flag on the first request of the sequence`,
      );
    if (known === undefined && this.#open.size >= this.#config.mostSequences)
      throw unavailable(`model '${this.#model}' has ${this.#open.size} open sequences`);
    const sequence = known ?? { lastUsed: now, inTurn: turnsInOrder() };
    sequence.lastUsed = now;
    this.#open.set(key, sequence);
    if (part.end) this.#open.delete(key);
    return sequence.inTurn(() => run(part));
  }

  /** The inputs that tell the model where in its sequence a request is. */
  controlTensors(part: SequencePart | null, signature: TensorSignature, rows: number): readonly Tensor[] {
    return this.#config.controls.map((control) => controlTensor(control, part, signature, rows));
  }

  #partOf({ parameters }: InferRequest): SequencePart {
    const { sequence_id: id = 0, sequence_start: start = false, sequence_end: end = false } = parameters;
    if (id === 0 || id === '' || typeof id === 'boolean')
      throw refuse(`inference request to model '${this.#model}' must specify a non-zero or non-empty correlation ID`);
    if (typeof id === 'number' && (!Number.isSafeInteger(id) || id < 0)) throw refuse(`sequence_id ${id} is no id`);
    if (typeof start !== 'boolean' || typeof end !== 'boolean')
      throw refuse('sequence_start and sequence_end must be booleans');
    return { id: typeof id === 'number' ? BigInt(id) : id, start, end };
  }

  #expire(now: number): void {
    // In order of their first use, not of their last: all are looked at, and they are bounded.
    for (const [key, { lastUsed }] of this.#open) if (now - lastUsed > this.#config.idleMs) this.#open.delete(key);
  }
}

function controlTensor(
  { name, kind, falseTrue, type }: SequenceControl,
  part: SequencePart | null,
  signature: TensorSignature,
  rows: number,
): Tensor {
  const spec = signature.inputs.find((input) => input.name === name);
  const shape = (spec?.shape ?? [-1, 1]).map((size, i) => (size === -1 ? (i === 0 ? rows : 1) : size));
  const elements = shape.reduce((product, size) => product * size, 1);
  if (kind === 'CORRID') return corrIdTensor(name, type, shape, elements, part?.id ?? 0n);
  const isOn = kind === 'READY' || (part !== null && (kind === 'START' ? part.start : part.end));
  const value = falseTrue?.[isOn ? 1 : 0] ?? 0;
  if (type === 'BYTES') throw refuse(`control input '${name}' cannot be BYTES`);
  const data = new tensorArrays[type](elements);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value));
  else data.fill(value);
  return { name, type, shape, data };
}

function corrIdTensor(
  name: string,
  type: Tensor['type'],
  shape: readonly number[],
  elements: number,
  id: bigint | string,
): Tensor {
  if (type === 'BYTES')
    return { name, type, shape, data: Array.from({ length: elements }, () => Buffer.from(String(id))) };
  if (typeof id === 'string') throw refuse(`the model takes a number as the correlation ID, not '${id}'`);
  const data = new tensorArrays[type](elements);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(id);
  else data.fill(Number(id));
  return { name, type, shape, data };
}
