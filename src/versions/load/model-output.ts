import type { TensorType } from '../../schema/tensor.ts';

/** An output of a version as jobs write it: plain data. */
export interface ModelOutput {
  readonly name: string;
  readonly type: TensorType;
  /** Whether a row has several values, or a number of them that is not known. */
  readonly isList: boolean;
  /** The classes whose numbers a row has, each of which is a column; null: the model names none. */
  readonly classes: readonly string[] | null;
}

/** The columns of an output: `probabilities_<class>` for each class, otherwise its name. */
export function columnsOfOutput({ name, classes }: ModelOutput): readonly string[] {
  return classes === null ? [name] : classes.map((one) => `${name}_${one}`);
}
