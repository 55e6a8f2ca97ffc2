import { elementsOf, type TensorSpec } from '../schema/tensor.ts';
import { isNumberType, type NumberType } from './number-type.ts';

/** One input of a model, and the places of its numbers in a row of features. */
export interface RowInput {
  readonly name: string;
  readonly type: NumberType;
  /** Sizes of one row; the rows are the first dimension. */
  readonly shape: readonly number[];
  readonly places: readonly number[];
}

/** One input of texts of a model, and the places of its texts in a row of features. */
export interface TextInput {
  readonly name: string;
  /** Sizes of one row; the rows are the first dimension. */
  readonly shape: readonly number[];
  readonly places: readonly number[];
}

/** How rows of features fill the inputs of a model. */
export interface RowInputs {
  /** Names of the features, in the order of a row. */
  readonly features: readonly string[];
  readonly inputs: readonly RowInput[];
  /** Inputs of texts, which jobs that write outputs by name can fill; left out: there are none. */
  readonly texts?: readonly TextInput[];
  /** The model takes one row a run. */
  readonly isSingle: boolean;
}

/** The one input of a model that a training job made: float32, a column for each feature. */
export function trainedInputs({ features, input }: TrainedSignature): RowInputs {
  const places = features.map((_, i) => i);
  return { features, inputs: [{ name: input, type: 'FP32', shape: [features.length], places }], isSingle: false };
}

interface TrainedSignature {
  readonly features: readonly string[];
  readonly input: string;
}

/** The type of each feature's number, in the order of a row; those of texts have FP64. */
export function typesOfFeatures({ features, inputs }: RowInputs): readonly NumberType[] {
  const types = new Array<NumberType>(features.length).fill('FP64');
  for (const { type, places } of inputs) for (const place of places) types[place] = type;
  return types;
}

/**
 * Finds the features that fill the inputs of a model, in order: those that `names` has; otherwise an input of one number is the feature
 * of its name, and one of several numbers is `name[0]`, `name[1]`, …, the numbers of a list. A text instead: why rows do not fit. Inputs of texts fit only where `withTexts` says so.
 */
export function rowInputs(
  specs: readonly TensorSpec[],
  names: readonly string[] | null,
  withTexts = false,
): RowInputs | string {
  const fault = specs.map((spec) => faultOf(spec, withTexts)).find((one) => one !== null);
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
  const placed = specs.map(({ name, type }, i) => {
    const places = ownNames(name, elementsOf(shapes[i])).map((name) => {
      next += 1;
      return isNamed ? features.indexOf(name) : next - 1;
    });
    return { name, type, shape: shapes[i], places };
  });
  const inputs = placed.flatMap(({ type, ...input }): readonly RowInput[] =>
    isNumberType(type) ? [{ ...input, type }] : [],
  );
  const texts = placed.flatMap(({ type, ...input }): readonly TextInput[] => (type === 'BYTES' ? [input] : []));
  const isSingle = specs.some(({ shape }) => shape[0] === 1);
  return { features, inputs, ...(texts.length === 0 ? {} : { texts }), isSingle };
}

/** The places of texts in a row of features. */
export function textPlaces({ texts = [] }: RowInputs): ReadonlySet<number> {
  return new Set(texts.flatMap(({ places }) => places));
}

function faultOf({ name, type, shape }: TensorSpec, withTexts: boolean): string | null {
  if (!isNumberType(type) && !(withTexts && type === 'BYTES'))
    return `its input '${name}' is ${type}, and features are numbers`;
  if (shape.length === 0 || !(shape[0] === -1 || shape[0] === 1))
    return `its input '${name}' is [${shape.join(',')}], which has no place for rows`;
  return null;
}

function ownNames(name: string, size: number): readonly string[] {
  return size === 1 ? [name] : Array.from({ length: size }, (_, i) => `${name}[${i}]`);
}
