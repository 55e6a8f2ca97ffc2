import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import { modelInputs } from '../../registry/model-inputs.ts';
import { heldAsInteger, MODEL_ENCODING, modelNumber } from '../../registry/model-value.ts';
import type { Value } from '../../schema/column.ts';

/** Writes a vector as one row of a model's input, at `at`. Hot path. */
export type FeatureRow = (values: readonly Value[], into: Float32Array, at: number) => void;

/** Compiles the way from a service's vectors to a version's input. Errors: MODEL_SIGNATURE, MODEL_ENCODING. */
export function featureRow(service: FeatureServiceData, { model, version, signature }: ModelVersion): FeatureRow {
  const known = new Map(modelInputs(service).map((input) => [input.name, input]));
  const inputs = signature.features.map((feature) => {
    const input = known.get(feature);
    if (input === undefined) throw fail('MODEL_SIGNATURE', { model, version, feature });
    if (signature.encoding !== MODEL_ENCODING && heldAsInteger(input.type))
      throw fail('MODEL_ENCODING', { model, version, feature });
    return input;
  });
  const places = inputs.map(({ feature }) => feature);
  const numbers = inputs.map(({ type, element }) => modelNumber(type, element));
  return (values, into, at) => {
    for (let i = 0; i < places.length; i += 1) into[at + i] = numbers[i](values[places[i]]);
  };
}
