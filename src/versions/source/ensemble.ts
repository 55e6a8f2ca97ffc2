import { fail } from '../../base/errors/fail.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { Tensor } from '../../schema/tensor.ts';
import type { EnsembleStep, ModelConfig } from '../config/model-config.ts';
import { batchedSignature } from '../config/served-signature.ts';
import type { Parameters } from '../request/infer-request.ts';
import { refuse } from '../request/refuse.ts';

/** Runs one model of an ensemble. */
export type RunStep = (
  step: EnsembleStep,
  inputs: readonly Tensor[],
  outputs: readonly string[],
  parameters: Parameters,
) => Promise<readonly Tensor[]>;

/**
 * A model whose outputs are those of other models. A step runs as soon as its inputs are there; steps that do not wait for
 * each other run at the same time. Error: OIP_CONFIG, for a tensor that no step gives.
 */
export function ensembleModel(config: ModelConfig, run: RunStep): LoadedModel {
  const steps = config.ensemble ?? [];
  const signature = batchedSignature(config);
  checkSteps(config, steps);
  return {
    signature,
    // Its parameters are the caller's, as `callerParameters` has them.
    run: async (inputs, outputs = signature.outputs.map(({ name }) => name), caller = {}) => {
      const ready = new Map<string, Promise<Tensor>>(inputs.map((tensor) => [tensor.name, Promise.resolve(tensor)]));
      for (const step of ordered(config, steps)) {
        const asked = Object.keys(step.outputs);
        const result = Promise.all(
          Object.entries(step.inputs).map(async ([name, from]) => ({ ...(await given(ready, from)), name })),
        ).then((tensors) => run(step, tensors, asked, caller as Parameters));
        asked.forEach((name, i) => {
          const one = result.then((tensors) => ({ ...tensors[i], name: step.outputs[name] }));
          one.catch(() => undefined);
          ready.set(step.outputs[name], one);
        });
      }
      return Promise.all(outputs.map(async (name) => ({ ...(await given(ready, name)), name })));
    },
    close: async () => undefined,
  };
}

function given(ready: ReadonlyMap<string, Promise<Tensor>>, name: string): Promise<Tensor> {
  return ready.get(name) ?? Promise.reject(refuse(`no step gives the tensor '${name}'`));
}

/** Steps in an order in which each comes after those that it reads from. */
function ordered({ inputs }: ModelConfig, steps: readonly EnsembleStep[]): readonly EnsembleStep[] {
  const known = new Set(inputs.map(({ name }) => name));
  const left = [...steps];
  const order: EnsembleStep[] = [];
  while (left.length > 0) {
    const next = left.findIndex((step) => Object.values(step.inputs).every((name) => known.has(name)));
    if (next < 0) return order;
    const [step] = left.splice(next, 1);
    for (const name of Object.values(step.outputs)) known.add(name);
    order.push(step);
  }
  return order;
}

function checkSteps(config: ModelConfig, steps: readonly EnsembleStep[]): void {
  const order = ordered(config, steps);
  const { name: path } = config;
  const stuck = steps.find((step) => !order.includes(step));
  if (stuck !== undefined) {
    const known = new Set([
      ...config.inputs.map(({ name }) => name),
      ...order.flatMap((step) => Object.values(step.outputs)),
    ]);
    const tensor = Object.values(stuck.inputs).find((name) => !known.has(name)) ?? '';
    throw fail('OIP_CONFIG', {
      path,
      reason: `step '${stuck.model}' reads '${tensor}', which no step before it gives`,
    });
  }
  const all = new Set(steps.flatMap((step) => Object.values(step.outputs)));
  const missing = config.outputs.find(({ name }) => !all.has(name));
  if (missing !== undefined) throw fail('OIP_CONFIG', { path, reason: `no step gives the output '${missing.name}'` });
  if (steps.some(({ model }) => model === path)) throw fail('OIP_CONFIG', { path, reason: 'it is a step of itself' });
}
