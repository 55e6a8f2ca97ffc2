import type { WorkModel } from './operator-work.ts';
import { type OperatorArguments, printedNumbers, type Tensor } from './tensor-inputs.ts';
import { bytesOf, tensorAt } from './tensors.ts';

/** Where stride, padding, dilation, `transposed` and groups are among the arguments. */
interface Layout {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
  readonly transposed?: number;
}

const forward: Readonly<Record<string, Layout>> = {
  'aten::convolution': { stride: 3, padding: 4, dilation: 5, transposed: 6, groups: 8 },
  'aten::_convolution': { stride: 3, padding: 4, dilation: 5, transposed: 6, groups: 8 },
  'aten::cudnn_convolution': { padding: 2, stride: 3, dilation: 4, groups: 5 },
  'aten::miopen_convolution': { padding: 3, stride: 4, dilation: 5, groups: 6 },
};

/**
 * Convolutions: 2·outputs·(channels of an output's group)·(size of the kernel); input, weight and output once. The size of the
 * output follows from stride, padding and dilation, which older traces do not have. Backward: as much for the gradient of the
 * input, as much for that of the weight.
 */
export const convolutionWork: WorkModel = (name, given) => {
  const layout = forward[name];
  if (layout !== undefined) return forwardWork(given, layout);
  switch (name) {
    case 'aten::convolution_backward':
      return backwardWork(given, 0, 1, 2, backwardParts(given.values[10]));
    case 'aten::cudnn_convolution_backward_input':
      return backwardInput(tensorAt(given, 1), tensorAt(given, 2));
    default:
      return undefined;
  }
};

function forwardWork(given: OperatorArguments, layout: Layout) {
  const input = tensorAt(given, 0);
  const weight = tensorAt(given, 1);
  const stride = printedNumbers(given.values[layout.stride]);
  const padding = printedNumbers(given.values[layout.padding]);
  const dilation = printedNumbers(given.values[layout.dilation]);
  const transposed = layout.transposed !== undefined && given.values[layout.transposed] === 'True';
  if (!isImage(input) || !isImage(weight) || transposed) return undefined;
  if (stride === undefined || padding === undefined || dilation === undefined) return undefined;
  const kernel = weight.dims.slice(2);
  const places = input.dims
    .slice(2)
    .map((length, axis) => {
      const reach = at(dilation, axis) * ((kernel[axis] ?? 1) - 1) + 1;
      return Math.floor((length + 2 * at(padding, axis) - reach) / at(stride, axis)) + 1;
    })
    .reduce((product, length) => product * length, 1);
  const [outChannels = 0, groupChannels = 0] = weight.dims;
  const outputs = (input.dims[0] ?? 0) * outChannels * places;
  if (!(outputs > 0)) return undefined;
  return {
    category: 'convolution' as const,
    flops: 2 * outputs * groupChannels * product(kernel),
    bytes: bytesOf(input) + bytesOf(weight) + outputs * input.elementBytes,
    type: input.type,
  };
}

function backwardWork(given: OperatorArguments, gradAt: number, inputAt: number, weightAt: number, parts: number) {
  const grad = tensorAt(given, gradAt);
  const input = tensorAt(given, inputAt);
  const weight = tensorAt(given, weightAt);
  if (!isImage(grad) || !isImage(input) || !isImage(weight) || parts === 0) return undefined;
  return {
    category: 'convolution' as const,
    flops: parts * 2 * grad.elements * (weight.dims[1] ?? 0) * product(weight.dims.slice(2)),
    bytes: parts * (bytesOf(grad) + bytesOf(input) + bytesOf(weight)),
    type: grad.type,
  };
}

/** The gradient of the input alone: its own size is an argument that old traces do not have. */
function backwardInput(grad: Tensor | undefined, weight: Tensor | undefined) {
  if (!isImage(grad) || !isImage(weight)) return undefined;
  return {
    category: 'convolution' as const,
    flops: 2 * grad.elements * (weight.dims[1] ?? 0) * product(weight.dims.slice(2)),
    bytes: Number.NaN,
    type: grad.type,
  };
}

/** How many of the gradients of input and weight are asked for: `[True, True, False]`. */
function backwardParts(mask: string | undefined): number {
  const told = mask?.match(/True|False/gi)?.slice(0, 2);
  return told === undefined ? 2 : told.filter((one) => /True/i.test(one)).length;
}

function isImage(tensor: Tensor | undefined): tensor is Tensor {
  return tensor !== undefined && tensor.dims.length >= 3 && tensor.elements > 0;
}

/** The number for an axis; a list of one is for all. */
function at(list: readonly number[], axis: number): number {
  return list[axis] ?? list[0] ?? 1;
}

function product(lengths: readonly number[]): number {
  return lengths.reduce((all, length) => all * length, 1);
}
