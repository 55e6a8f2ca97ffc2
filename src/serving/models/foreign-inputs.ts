import { fail } from '../../base/errors/fail.ts';
import { elementsOf, type Tensor, type TensorSpec, tensorArrays } from '../../schema/tensor.ts';

/** Types whose numbers a row of features, which are float32, can fill. */
const NUMBERS: ReadonlySet<TensorSpec['type']> = new Set(
  (Object.keys(tensorArrays) as TensorSpec['type'][]).filter((type) => type !== 'FP16' && type !== 'BF16'),
);

/** Above this a float32 is not the whole number that it was made from. */
const LARGEST_WHOLE = 2 ** 24;

/** One input of a model, and the places of its numbers in a row of features. */
interface FedInput {
  readonly spec: TensorSpec;
  /** Sizes of one row. */
  readonly shape: readonly number[];
  readonly places: readonly number[];
}

/** How rows of features fill the inputs of a model. */
export interface FedInputs {
  /** Names of the features, in the order of a row. */
  readonly features: readonly string[];
  readonly inputs: readonly FedInput[];
  /** The model takes one row a run. */
  readonly isSingle: boolean;
}

/**
 * Finds the features that fill the inputs of a model, in order: those that `names` has; otherwise an input of one number is the feature
 * of its name, and one of several numbers is `name[0]`, `name[1]`, …, the numbers of a list. A text instead: why rows do not fit.
 */
export function fedInputs(specs: readonly TensorSpec[], names: readonly string[] | null): FedInputs | string {
  const fault = specs.map(faultOf).find((one) => one !== null);
  if (fault !== undefined) return fault;
  if (specs.length === 0) return 'it has no input';
  const open = specs.find(({ shape }) => shape.slice(1).includes(-1));
  if (open !== undefined && (specs.length > 1 || open.shape.length !== 2))
    return `its input '${open.name}' is of any size: [${open.shape.join(',')}]`;
  if (open !== undefined && names === null)
    return `its input '${open.name}' is of any size, and nothing names its columns`;
  const shapes = specs.map(({ shape }) => (open === undefined ? shape.slice(1) : [names?.length ?? 0]));
  const own = specs.flatMap(({ name }, i) => ownNames(name, elementsOf(shapes[i])));
  const features = names ?? own;
  if (features.length !== own.length)
    return `its ${specs.length} inputs hold ${own.length} numbers a row, and ${features.length} columns are named: ${features.join(', ')}`;
  // A data frame's columns may be in another order than the inputs.
  const isNamed = own.every((name) => features.includes(name));
  let next = 0;
  const inputs = specs.map((spec, i) => {
    const places = ownNames(spec.name, elementsOf(shapes[i])).map((name) => {
      next += 1;
      return isNamed ? features.indexOf(name) : next - 1;
    });
    return { spec, shape: shapes[i], places };
  });
  return { features, inputs, isSingle: specs.some(({ shape }) => shape[0] === 1) };
}

function faultOf({ name, type, shape }: TensorSpec): string | null {
  if (!NUMBERS.has(type)) return `its input '${name}' is ${type}, and features are numbers`;
  if (shape.length === 0 || !(shape[0] === -1 || shape[0] === 1))
    return `its input '${name}' is [${shape.join(',')}], which has no place for rows`;
  return null;
}

function ownNames(name: string, size: number): readonly string[] {
  return size === 1 ? [name] : Array.from({ length: size }, (_, i) => `${name}[${i}]`);
}

/** The inputs of a run, of rows of features. Error: MODEL_TENSOR, where a number is none of the input's type. */
export function tensorsOfRows(
  { features, inputs }: FedInputs,
  rows: Float32Array<ArrayBuffer>,
  count: number,
): readonly Tensor[] {
  const width = features.length;
  return inputs.map(({ spec: { name, type }, shape, places }) => {
    const isWhole = places.length === width && places.every((place, i) => place === i);
    const values = isWhole ? rows : gathered(rows, width, places);
    return { name, type, shape: [count, ...shape], data: numbersOf(name, type, values) } as Tensor;
  });
}

function gathered(rows: Float32Array, width: number, places: readonly number[]): Float32Array<ArrayBuffer> {
  const values = new Float32Array((rows.length / width) * places.length);
  for (let row = 0, to = 0; to < values.length; row += width)
    for (const place of places) {
      values[to] = rows[row + place];
      to += 1;
    }
  return values;
}

/** Values as the type of an input. A missing one is NaN, which a whole number cannot be. Error: MODEL_TENSOR. */
function numbersOf(name: string, type: TensorSpec['type'], values: Float32Array<ArrayBuffer>) {
  if (type === 'FP32') return values;
  if (type === 'FP64') return Float64Array.from(values);
  if (type === 'BYTES') throw fail('MODEL_TENSOR', { reason: `input '${name}' is no number` });
  const isWhole = (value: number) => Number.isInteger(value) && Math.abs(value) <= LARGEST_WHOLE;
  const data = values.every(isWhole) ? wholeNumbers(type, values) : null;
  const wrong = values.findIndex((value, i) => data === null || Number(data[i]) !== value);
  if (data !== null && wrong === -1) return data;
  const value = values.find((one) => !isWhole(one)) ?? values[wrong];
  throw fail('MODEL_TENSOR', {
    reason: `input '${name}' is ${type}, and a feature of it is ${value}: missing, no whole number of that type, or above 2^24`,
  });
}

function wholeNumbers(type: Exclude<TensorSpec['type'], 'BYTES'>, values: Float32Array<ArrayBuffer>) {
  if (type === 'INT64') return BigInt64Array.from(values, BigInt);
  if (type === 'UINT64') return BigUint64Array.from(values, BigInt);
  return Reflect.apply(tensorArrays[type].from, tensorArrays[type], [values]) as Float64Array<ArrayBuffer>;
}
