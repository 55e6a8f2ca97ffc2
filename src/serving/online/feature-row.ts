import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import { type ModelInput, modelInputs } from '../../registry/model-inputs.ts';
import type { Value } from '../../schema/column.ts';

/** Writes a vector as one row of a model's input, at `at`. Hot path. */
export type FeatureRow = (values: readonly Value[], into: Float32Array, at: number) => void;

/** Compiles the way from a service's vectors to a version's input. Error: MODEL_SIGNATURE. */
export function featureRow(service: FeatureServiceData, { model, version, signature }: ModelVersion): FeatureRow {
  const known = new Map(modelInputs(service).map((input) => [input.name, input]));
  const inputs = signature.features.map((feature) => {
    const input = known.get(feature);
    if (input === undefined) throw fail('MODEL_SIGNATURE', { model, version, feature });
    return input;
  });
  const places = inputs.map(({ feature }) => feature);
  const numbers = inputs.map(numberOf);
  return (values, into, at) => {
    for (let i = 0; i < places.length; i += 1) into[at + i] = numbers[i](values[places[i]]);
  };
}

/** How a value is read as a number; NaN where it is null. Decimals are divided by their scale. */
function numberOf({ type: spec, element }: ModelInput): (value: Value) => number {
  const unit = spec.type === 'decimal' ? 10 ** (spec.scale ?? 0) : 1;
  if (element !== null)
    return (value) => (value !== null && typeof value === 'object' ? Number(value[element]) : Number.NaN);
  if (spec.type === 'bool') return (value) => (value === null ? Number.NaN : value === true ? 1 : 0);
  return (value) => (value === null ? Number.NaN : Number(value) / unit);
}
