import type { OperatorWork, WorkModel } from './operator-work.ts';
import type { Tensor } from './tensor-inputs.ts';
import { bytesOf, tensorAt } from './tensors.ts';

/** How many of the first arguments are read, element by element; the others are values, or where the result goes. */
const reads: Readonly<Record<string, number>> = {
  ...names(
    'abs neg exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan tanh sigmoid silu gelu relu relu6 mish elu selu softplus hardtanh hardswish hardsigmoid leaky_relu reciprocal floor ceil round trunc sign erf erfc logit clone logical_not bitwise_not isnan isinf isfinite triu tril',
    1,
  ),
  ...names(
    'add sub rsub mul div pow maximum minimum fmod remainder clamp_min clamp_max clamp threshold eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor masked_fill atan2 hypot floor_divide native_dropout threshold_backward gelu_backward silu_backward tanh_backward sigmoid_backward hardtanh_backward leaky_relu_backward elu_backward prelu mse_loss',
    2,
  ),
  ...names('where addcmul addcdiv lerp', 3),
};

function names(list: string, count: number): Readonly<Record<string, number>> {
  return Object.fromEntries(list.split(' ').map((name) => [name, count]));
}

const isTruth = /^(eq|ne|lt|le|gt|ge|logical_\w+|isnan|isinf|isfinite)$/;

/** Operators on each element: bytes read and written, once; one operation per element. */
export const elementwiseWork: WorkModel = (name, given) => {
  const short = shortName(name);
  if (short === undefined) return undefined;
  if (short === 'copy') return copyWork(tensorAt(given, 0), tensorAt(given, 1));
  if (short === 'fill' || short === 'zero') return fillWork(tensorAt(given, 0));
  const count = reads[short];
  if (count === undefined) return undefined;
  const read = Array.from({ length: count }, (_, index) => tensorAt(given, index)).filter((one) => one !== undefined);
  const out = broadcast(read);
  if (out === undefined) return undefined;
  const width = isTruth.test(short) ? 1 : out.elementBytes;
  const mask = short === 'native_dropout' ? out.elements : 0;
  return {
    category: 'elementwise',
    flops: out.elements,
    bytes: read.reduce((sum, one) => sum + bytesOf(one), 0) + out.elements * width + mask,
    type: out.type,
  };
};

/** `add` of `aten::add_`. */
function shortName(name: string): string | undefined {
  const match = /^aten::(\w+?)_?$/.exec(name);
  return match?.[1];
}

function copyWork(to: Tensor | undefined, from: Tensor | undefined): OperatorWork | undefined {
  if (to === undefined || from === undefined) return undefined;
  return { category: 'elementwise', flops: 0, bytes: bytesOf(from) + to.elements * to.elementBytes, type: to.type };
}

function fillWork(to: Tensor | undefined): OperatorWork | undefined {
  return to === undefined
    ? undefined
    : { category: 'elementwise', flops: 0, bytes: to.elements * to.elementBytes, type: to.type };
}

/** Size and type of the result: the longest of each dimension, and of the tensors that are no single value the widest type. */
function broadcast(read: readonly Tensor[]) {
  const rank = Math.max(...read.map(({ dims }) => dims.length), 0);
  let elements = 1;
  for (let axis = 1; axis <= rank; axis += 1)
    elements *= Math.max(...read.map(({ dims }) => dims[dims.length - axis] ?? 1));
  const whole = read.filter(({ dims }) => dims.length > 0);
  const floats = whole.filter(({ type }) => /float|half|double/.test(type));
  const typed = floats.length > 0 ? floats : whole.length > 0 ? whole : read;
  const [first, ...others] = typed;
  if (first === undefined) return undefined;
  const widest = others.reduce((best, one) => (one.elementBytes > best.elementBytes ? one : best), first);
  return { elements, elementBytes: widest.elementBytes, type: widest.type };
}

const reduction =
  /^aten::(sum|mean|max|min|amax|amin|argmax|argmin|prod|norm|linalg_vector_norm|var|std|var_mean|std_mean|any|all|logsumexp|count_nonzero)$/;

/** Reductions: bytes read; the smaller result is omitted. One operation per element. */
export const reductionWork: WorkModel = (name, given) => {
  const input = reduction.test(name) ? tensorAt(given, 0) : undefined;
  if (input === undefined) return undefined;
  return { category: 'reduction', flops: input.elements, bytes: bytesOf(input), type: input.type };
};

/** Normalisations and softmax: how many tensors of the size of the input are read and written. */
const norms: Readonly<Record<string, number>> = {
  'aten::native_layer_norm': 2,
  'aten::native_group_norm': 2,
  'aten::native_batch_norm': 2,
  'aten::cudnn_batch_norm': 2,
  'aten::miopen_batch_norm': 2,
  'aten::_fused_rms_norm': 2,
  'aten::_softmax': 2,
  'aten::_log_softmax': 2,
  'aten::native_layer_norm_backward': 3,
  'aten::native_group_norm_backward': 3,
  'aten::native_batch_norm_backward': 3,
  'aten::cudnn_batch_norm_backward': 3,
  'aten::miopen_batch_norm_backward': 3,
  'aten::_softmax_backward_data': 3,
  'aten::_log_softmax_backward_data': 3,
};

/** Mean, variance, difference, scale and shift, or maximum, difference, exponential, sum and quotient. */
const NORM_FLOPS = 5;

/** Normalisations, softmax and their gradients: input, output (and its gradient) once, as if they were in one pass. */
export const normWork: WorkModel = (name, given) => {
  const tensors = norms[name];
  const input = tensors === undefined ? undefined : tensorAt(given, 0);
  if (tensors === undefined || input === undefined) return undefined;
  return {
    category: 'norm',
    flops: NORM_FLOPS * input.elements,
    bytes: bytesOf(input) + (tensors - 1) * input.elements * input.elementBytes,
    type: input.type,
  };
};

/** Kernels of torch.compile: each tensor argument once; a tensor that is read and written counts once. */
export const fusedWork: WorkModel = (name, given) => {
  if (!/^triton_(poi|red|per)_/.test(name)) return undefined;
  const tensors = given.tensors
    .flatMap((_, index) => tensorAt(given, index) ?? [])
    .filter(({ dims }) => dims.length > 0);
  const [first] = tensors;
  if (first === undefined) return undefined;
  return {
    category: 'fused',
    flops: Number.NaN,
    bytes: tensors.reduce((sum, one) => sum + bytesOf(one), 0),
    type: first.type,
  };
};
