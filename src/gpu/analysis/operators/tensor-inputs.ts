import type { InputTexts } from '../../trace/operator-inputs.ts';

/** A tensor that an operator is given. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly elements: number;
  /** Elements that lie apart in memory: a dimension that is only repeated (stride 0) counts once. */
  readonly stored: number;
  /** Bytes of an element; NaN where the type is not known. */
  readonly elementBytes: number;
  readonly type: string;
}

/** The arguments of an operator: a tensor, a list of tensors, or what is no tensor. */
export interface OperatorArguments {
  readonly tensors: readonly (Tensor | readonly Tensor[] | undefined)[];
  /** Arguments that are no tensors, as printed; empty where the trace has none. */
  readonly values: readonly string[];
}

const sizes: Readonly<Record<string, number>> = {
  'complex<double>': 16,
  'complex<float>': 8,
  double: 8,
  'long int': 8,
  long: 8,
  float: 4,
  int: 4,
  half: 2,
  bfloat16: 2,
  short: 2,
  'short int': 2,
  char: 1,
  'signed char': 1,
  'unsigned char': 1,
  bool: 1,
};

/** Types as traces print them (`c10::BFloat16`, `float`), in one spelling: `bfloat16`, `float`. */
function typeName(printed: unknown): string {
  return typeof printed === 'string' ? printed.replace(/^c10::/, '').toLowerCase() : '';
}

function sizeOf(type: string): number {
  return sizes[type] ?? (/^float8/.test(type) ? 1 : Number.NaN);
}

/** The arguments of an operator from the texts of a trace; undefined if they are damaged. */
export function operatorArguments(texts: InputTexts): OperatorArguments | undefined {
  const dims = listOf(texts.dims);
  if (dims === undefined) return undefined;
  const types = listOf(texts.types) ?? [];
  const strides = listOf(texts.strides) ?? [];
  const values = (listOf(texts.values) ?? []).map((value) => (typeof value === 'string' ? value : ''));
  return { tensors: dims.map((one, index) => argument(one, types[index], strides[index])), values };
}

function argument(dims: unknown, type: unknown, strides: unknown): Tensor | readonly Tensor[] | undefined {
  if (!Array.isArray(dims)) return undefined;
  if (dims.some((one) => Array.isArray(one)))
    return dims.flatMap((one, index) => {
      const made = Array.isArray(one)
        ? tensor(one, '', Array.isArray(strides) ? strides[index] : undefined)
        : undefined;
      return made === undefined ? [] : [made];
    });
  return tensor(dims, typeName(type), strides);
}

function tensor(dims: readonly unknown[], type: string, strides: unknown): Tensor | undefined {
  const known = Array.isArray(strides) && strides.length === dims.length ? strides : undefined;
  // A plain value has neither dims nor the type of a tensor.
  if (dims.length === 0 && Number.isNaN(sizeOf(type))) return undefined;
  let elements = 1;
  let stored = 1;
  const lengths: number[] = [];
  for (const [index, length] of dims.entries()) {
    if (typeof length !== 'number' || !(length >= 0)) return undefined;
    lengths.push(length);
    elements *= length;
    stored *= known?.[index] === 0 ? Math.min(length, 1) : length;
  }
  return { dims: lengths, elements, stored, elementBytes: sizeOf(type), type };
}

/** The numbers of a printed list, `[1, 1]` or `(1,1)`; undefined of anything else. */
export function printedNumbers(text: string | undefined): readonly number[] | undefined {
  if (text === undefined || !/^[[(][-\d\s,]*[\])]$/.test(text)) return undefined;
  return text
    .slice(1, -1)
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
}

function listOf(text: string): readonly unknown[] | undefined {
  if (text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
