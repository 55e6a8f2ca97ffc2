import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { inputNumber } from '../../model/cell-number.ts';
import { modelInputs } from '../../model/model-inputs.ts';
import { heldAsInteger, MODEL_ENCODING } from '../../model/model-value.ts';
import type { RowInputs } from '../../model/row-inputs.ts';
import { type RowWriter, rowWriter } from '../../model/row-writer.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { Value } from '../../schema/column.ts';

/** Writes a vector as one row of a model's inputs. Error: MODEL_CELL. Hot path. */
export type FeatureRow = RowWriter<readonly Value[]>;

/** Compiles the way from a service's vectors to a version's inputs. Errors: MODEL_SIGNATURE, MODEL_ENCODING. */
export function featureRow(
  service: FeatureServiceData,
  { model, version, signature }: ModelVersion,
  inputs: RowInputs,
): FeatureRow {
  const known = new Map(modelInputs(service).map((input) => [input.name, input]));
  const numbers = signature.features.map((feature) => {
    const input = known.get(feature);
    if (input === undefined) throw fail('MODEL_SIGNATURE', { model, version, feature });
    if (signature.encoding !== MODEL_ENCODING && heldAsInteger(input.type))
      throw fail('MODEL_ENCODING', { model, version, feature });
    return input;
  });
  return rowWriter<readonly Value[]>(
    inputs,
    (place, type) => {
      const { feature } = numbers[place];
      const number = inputNumber(numbers[place], type);
      return (values) => number(values[feature]);
    },
    (reason) => fail('MODEL_CELL', { model, version, reason }),
  );
}
