import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';

/** Writes a vector as one row of a model's input, at `at`. Hot path. */
export type FeatureRow = (values: readonly Value[], into: Float32Array, at: number) => void;

/** Types that a model can read as numbers. */
function isNumeric({ type }: ColumnSpec): boolean {
  return type !== 'text' && type !== 'list';
}

/** Compiles the way from a service's vectors to a version's input. Error: MODEL_SIGNATURE. */
export function featureRow(service: FeatureServiceData, { model, version, signature }: ModelVersion): FeatureRow {
  const places = signature.features.map((feature) => {
    const place = service.features.findIndex(({ name, type }) => name === feature && isNumeric(type));
    if (place < 0) throw fail('MODEL_SIGNATURE', { model, version, feature });
    return place;
  });
  const numbers = places.map((place) => numberOf(service.features[place].type));
  return (values, into, at) => {
    for (let i = 0; i < places.length; i += 1) into[at + i] = numbers[i](values[places[i]]);
  };
}

/** How a value is read as a number; NaN where it is null. Decimals are divided by their scale. */
function numberOf(spec: ColumnSpec): (value: Value) => number {
  const unit = spec.type === 'decimal' ? 10 ** (spec.scale ?? 0) : 1;
  if (spec.type === 'bool') return (value) => (value === null ? Number.NaN : value === true ? 1 : 0);
  return (value) => (value === null ? Number.NaN : Number(value) / unit);
}
