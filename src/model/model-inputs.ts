import type { FeatureServiceData } from '../features/define/declaration.ts';
import type { ColumnSpec } from '../schema/column.ts';
import { modelNumbers } from '../schema/model-numbers.ts';

/** A number that a model can read. */
export interface ModelInput {
  /** The feature's; of one number of an embedding `<feature>[<place from 0>]`. */
  readonly name: string;
  /** Index among the service's features. */
  readonly feature: number;
  readonly type: ColumnSpec;
  /** Which number of an embedding; null: the feature is one number. */
  readonly element: number | null;
}

/** The numbers that a service has for models, in its order; without texts and lists. */
export function modelInputs({ features }: Pick<FeatureServiceData, 'features'>): readonly ModelInput[] {
  return features.flatMap(({ name, type }, feature): readonly ModelInput[] => {
    const numbers = modelNumbers(type);
    if (type.type !== 'embedding') return numbers === 0 ? [] : [{ name, feature, type, element: null }];
    return Array.from({ length: numbers }, (_, element) => ({
      name: `${name}[${element}]`,
      feature,
      type,
      element,
    }));
  });
}
