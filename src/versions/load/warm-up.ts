import type { LoadedModel } from '../../ports/model-runtime.ts';
import { joinRows, rowsOfTensor, type Tensor, type TensorSignature } from '../../schema/tensor.ts';
import { sampleTensor } from './sample-rows.ts';

export interface WarmUpPlan {
  /** Requests that the model must answer; the load fails where it does not. */
  readonly required: readonly (readonly Tensor[])[];
  /** Requests that it may refuse, real ones where there are some; it is timed with the first. */
  readonly samples: readonly (readonly Tensor[])[];
  /** Whether each first dimension is one of rows. */
  readonly hasRows: boolean;
  /** Rows of the largest run. */
  readonly mostRows: number;
  /** Fills in the inputs that callers do not give. */
  readonly controls: (tensors: readonly Tensor[], rows: number) => readonly Tensor[];
  /** ms. */
  readonly monotonic: () => number;
}

/** How a model ran when it was warmed. */
export interface Warmed {
  /** A run of one row, ms. */
  readonly msARun: number;
  /** Each further row of a run, ms. */
  readonly msARow: number;
  /** Whether rows had the same bits alone and together: then requests may share runs. */
  readonly joinsRows: boolean;
}

/** Batch sizes that a model is warmed at. */
const BATCHES = [1, 8, 64, 256] as const;

/** A run above this needs no larger one to be known as slow, ms. */
const SLOW_MS = 250;

/**
 * Runs a model before it serves, by the requests of its source, or by samples of its inputs, at the batch sizes that will
 * come: the first run of each size costs many times what the next does.
 */
export async function warmUp(model: LoadedModel, signature: TensorSignature, plan: WarmUpPlan): Promise<Warmed> {
  for (const tensors of plan.required) await model.run(plan.controls(tensors, rowsOf(tensors)));
  const sample = plan.samples[0] ?? signature.inputs.map((spec) => sampleTensor(spec, 1, 'random'));
  const others = signature.inputs.map((spec) => sampleTensor(spec, 1));
  const one = plan.hasRows
    ? sample.map((tensor) => (tensor.shape[0] > 0 ? rowsOfTensor(tensor, 0, 1) : tensor))
    : sample;
  try {
    const warmed = await measured(model, one, others, plan);
    await runSamples(model, plan);
    return warmed;
  } catch {
    // A sample may be a row that the model refuses: it is not the model's fault.
    return { msARun: 0, msARow: 0, joinsRows: false };
  }
}

async function measured(
  model: LoadedModel,
  one: readonly Tensor[],
  others: readonly Tensor[],
  { hasRows, mostRows, controls, monotonic }: WarmUpPlan,
): Promise<Warmed> {
  const [msARun, alone] = await timed(model, controls(one, 1), monotonic);
  if (!hasRows) return { msARun, msARow: 0, joinsRows: false };
  let last = { rows: 1, ms: msARun };
  let joinsRows = mostRows > 1;
  for (const rows of new Set(BATCHES.map((size) => Math.min(size, mostRows)))) {
    if (rows === 1 || last.ms > SLOW_MS) continue;
    const batch = one.map((tensor) => followed(tensor, others, rows));
    const [ms, outputs] = await timed(model, controls(batch, rows), monotonic);
    joinsRows &&= outputs.every((tensor, i) => beginsWith(tensor, alone[i], rows));
    last = { rows, ms };
  }
  return { msARun, msARow: last.rows === 1 ? msARun : Math.max(0, last.ms - msARun) / (last.rows - 1), joinsRows };
}

/** Runs whose median is the time of a batch size, after the first, which costs many times what the next does. */
const TIMED = 5;

/** No more is run of one batch size, or of samples, once it has taken this long, ms. */
const LONGEST_MS = 100;

/** The median time of some runs, ms, and the outputs of the first; the time of the first alone where it was slow. */
async function timed(
  model: LoadedModel,
  tensors: readonly Tensor[],
  monotonic: () => number,
): Promise<readonly [number, readonly Tensor[]]> {
  const began = monotonic();
  const outputs = await model.run(tensors);
  const first = monotonic() - began;
  if (first > SLOW_MS) return [first, outputs];
  const times: number[] = [];
  while (times.length < TIMED && (times.length === 0 || monotonic() - began < LONGEST_MS)) {
    const from = monotonic();
    await model.run(tensors);
    times.push(monotonic() - from);
  }
  return [median(times), outputs];
}

/** The lower of the two in the middle where there are two: what interrupts a run only makes it longer. */
function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) / 2)];
}

/** Runs the other samples, as far as there is time: a row that the model refuses is no fault of it. */
async function runSamples(model: LoadedModel, { samples, controls, monotonic }: WarmUpPlan): Promise<void> {
  const until = monotonic() + LONGEST_MS;
  for (const tensors of samples.slice(1)) {
    if (monotonic() > until) return;
    await model.run(controls(tensors, rowsOf(tensors))).catch(() => undefined);
  }
}

/** A row and other rows after it: a model that mixes rows shows it in the first. */
function followed(tensor: Tensor, others: readonly Tensor[], rows: number): Tensor {
  const other =
    others.find(({ name, shape }) => name === tensor.name && shape.join() === tensor.shape.join()) ?? tensor;
  const [first, ...rest] = Array.from({ length: rows }, (_, i) => (i % 2 === 0 ? tensor : other));
  return joinRows([first, ...rest]);
}

/** Whether the first row of a batch has the bits of the row alone. */
function beginsWith(batch: Tensor, alone: Tensor, rows: number): boolean {
  if (batch.shape[0] !== rows || alone.shape[0] !== 1) return false;
  const first = rowsOfTensor(batch, 0, 1);
  if (first.type === 'BYTES')
    return first.data.every((bytes, i) => Buffer.compare(bytes, alone.data[i] as Uint8Array) === 0);
  return Buffer.compare(bytesOf(first), bytesOf(alone)) === 0;
}

function bytesOf({ data }: Tensor): Buffer {
  const { buffer, byteOffset, byteLength } = data as ArrayBufferView<ArrayBuffer>;
  return Buffer.from(buffer, byteOffset, byteLength);
}

function rowsOf(tensors: readonly Tensor[]): number {
  return tensors[0]?.shape[0] ?? 1;
}
