import { fail } from '../../base/errors/fail.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { batchedSignature } from '../config/served-signature.ts';

/** The built-in model that gives each input back as the output of the same place, byte for byte. Error: OIP_CONFIG. */
export function identityModel(config: ModelConfig): LoadedModel {
  const signature = batchedSignature(config);
  const { inputs, outputs } = signature;
  const pairs = outputs.every(({ type }, i) => inputs[i]?.type === type) && inputs.length === outputs.length;
  if (!pairs)
    throw fail('OIP_CONFIG', { path: config.name, reason: 'an identity has an output of its type for each input' });
  return {
    signature,
    run: async (tensors, asked = outputs.map(({ name }) => name)) => {
      const fault = inputFault(signature, tensors, asked);
      if (fault !== null) throw fail('MODEL_TENSOR', { reason: fault });
      return asked.flatMap((name) => {
        const place = outputs.findIndex((output) => output.name === name);
        const given = tensors.find((tensor) => tensor.name === inputs[place].name);
        return given === undefined ? [] : [{ ...given, name }];
      });
    },
    close: async () => undefined,
  };
}
