import { fail } from '../../base/errors/fail.ts';
import { shapeFits, type TensorSignature, type TensorSpec } from '../../schema/tensor.ts';
import { type ModelConfig, plainConfig } from './model-config.ts';

/** The tensors of a configuration as callers see them, the dimension of the batch included. */
export function batchedSignature({ inputs, outputs, maxBatchSize }: ModelConfig): TensorSignature {
  const batched = (specs: readonly TensorSpec[]) =>
    maxBatchSize === 0 ? specs : specs.map((spec) => ({ ...spec, shape: [-1, ...spec.shape] }));
  return { inputs: batched(inputs), outputs: batched(outputs) };
}

/**
 * Fills in the tensors that a configuration leaves out from those of the loaded model, and checks the others against
 * them. Error: OIP_LOAD.
 */
export function filledConfig(
  config: ModelConfig | null,
  name: string,
  platform: string,
  model: TensorSignature,
): ModelConfig {
  if (config === null) return plainConfig(name, platform, model);
  const controls = new Set(config.sequencing?.controls.map((control) => control.name) ?? []);
  const bare = (specs: readonly TensorSpec[]) =>
    specs
      .filter((spec) => !controls.has(spec.name))
      .map((spec) => (config.maxBatchSize === 0 ? spec : { ...spec, shape: spec.shape.slice(1) }));
  const filled = {
    ...config,
    inputs: config.inputs.length === 0 ? bare(model.inputs) : config.inputs,
    outputs: config.outputs.length === 0 ? bare(model.outputs) : config.outputs,
  };
  const { inputs, outputs } = batchedSignature(filled);
  for (const spec of inputs) mustFit(name, spec, model.inputs, 'input');
  for (const spec of outputs) mustFit(name, spec, model.outputs, 'output');
  const given = new Set([...inputs.map((spec) => spec.name), ...controls]);
  const missing = model.inputs.find((spec) => !given.has(spec.name));
  if (missing !== undefined)
    throw fail('OIP_LOAD', {
      reason: `model '${name}': its file has an input '${missing.name}' that the configuration lacks`,
    });
  return filled;
}

function mustFit(model: string, { name, type, shape }: TensorSpec, specs: readonly TensorSpec[], what: string): void {
  const own = specs.find((spec) => spec.name === name);
  const known = specs.map((spec) => `'${spec.name}'`).join(', ');
  if (own === undefined)
    throw fail('OIP_LOAD', { reason: `unexpected inference ${what} '${name}', allowed ${what}s are: ${known}` });
  if (own.type !== type)
    throw fail('OIP_LOAD', {
      reason: `model '${model}', tensor '${name}': the configuration has ${type}, the file ${own.type}`,
    });
  const open = own.shape.length === 0 || shapeFits(shape, own.shape) || shapeFits(own.shape, shape);
  if (!open)
    throw fail('OIP_LOAD', {
      reason: `model '${model}', tensor '${name}': the configuration has [${shape.join(',')}], the file [${own.shape.join(',')}]`,
    });
}
