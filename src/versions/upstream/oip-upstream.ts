import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { type FunctionModel, functionModel, type Results } from '../../features/define/function-model.ts';
import { parseJsonExact } from '../../schema/json-exact.ts';
import type { Tensor, TensorSpec } from '../../schema/tensor.ts';
import { parseTensorData, tensorDataText } from '../request/tensor-json.ts';
import { callUpstream, UPSTREAM_CALLS, type UpstreamOptions } from './upstream-call.ts';

export interface OipUpstreamOptions<Inputs extends readonly TensorSpec[], Outputs extends readonly TensorSpec[]>
  extends UpstreamOptions {
  /** Its name here. */
  readonly name: string;
  /** Its name there; the same where it is left out. */
  readonly model?: string;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
}

/**
 * Declares a model of another server that speaks the Open Inference Protocol. Requests wait, share runs and are counted here
 * like those of a function. Tensors travel as JSON, so FP16 and BF16 are none of its types.
 */
export function oipUpstream<const Inputs extends readonly TensorSpec[], const Outputs extends readonly TensorSpec[]>(
  options: OipUpstreamOptions<Inputs, Outputs>,
): FunctionModel<Inputs, Outputs> {
  const { name, model = name, inputs, outputs, concurrency = UPSTREAM_CALLS } = options;
  const path = `/v2/models/${encodeURIComponent(model)}/infer`;
  return functionModel({
    name,
    inputs,
    outputs,
    concurrency,
    run: async (given) => {
      const tensors = Object.values(given as Readonly<Record<string, Tensor>>);
      const asked = JSON.stringify(outputs.map((output) => ({ name: output.name })));
      const body = `{"inputs":[${tensors.map(inputText).join(',')}],"outputs":${asked}}`;
      const answer = await callUpstream(name, options, { path, body });
      const text = await answerText(answer.body).catch((error: unknown) => {
        throw fail('MODEL_RUN', { model: name, reason: `the upstream does not answer: ${reasonOf(error)}` }, error);
      });
      return resultsOf(name, outputs, text) as Results<Outputs>;
    },
  });
}

/** As text, so that a 64-bit integer keeps its digits. */
function inputText(tensor: Tensor): string {
  const { name, type, shape } = tensor;
  return `{"name":${JSON.stringify(name)},"datatype":"${type}","shape":[${shape.join(',')}],"data":${tensorDataText(tensor)}}`;
}

function resultsOf(
  model: string,
  specs: readonly TensorSpec[],
  text: string,
): Readonly<Record<string, Pick<Tensor, 'shape' | 'data'>>> {
  const refuse = (reason: string) => fail('MODEL_RUN', { model, reason: `the upstream answered ${reason}` });
  let outputs: unknown;
  try {
    outputs = Object(parseJsonExact(text)).outputs;
  } catch (error) {
    throw refuse(`no JSON: ${String(error)}`);
  }
  if (!Array.isArray(outputs)) throw refuse('no outputs');
  return Object.fromEntries(
    specs.map(({ name, type }) => {
      const found = outputs.find((one) => Object(one).name === name);
      const { shape, data } = Object(found);
      if (!Array.isArray(shape) || !shape.every(Number.isSafeInteger)) throw refuse(`no output '${name}'`);
      const tensor = parseTensorData({ name, type, shape, data });
      return [name, { shape: tensor.shape, data: tensor.data }];
    }),
  );
}
