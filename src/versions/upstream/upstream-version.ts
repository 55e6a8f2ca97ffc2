import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';
import { functionModel } from '../../features/define/function-model.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { UpstreamFlavor } from '../../registry/upstream-flavor.ts';
import { type TensorSpec, tensorArrays } from '../../schema/tensor.ts';
import { loadFunction } from '../source/load-function.ts';
import { oipUpstream } from './oip-upstream.ts';
import { callUpstream, type UpstreamOptions, upstreamJson } from './upstream-call.ts';

/** A server that answers versions, as an environment names it. */
export interface UpstreamServer extends UpstreamOptions {
  /** `oip`: the Open Inference Protocol. `openai`: chat completions of OpenAI's API. */
  readonly kind: 'oip' | 'openai';
}

/** Servers by their names. */
export type UpstreamServers = Readonly<Record<string, UpstreamServer>>;

/** A version that another server answers. */
export interface UpstreamVersion {
  readonly model: string;
  readonly version: number;
  readonly flavor: UpstreamFlavor;
  /** The text of a chat model, with `{feature}` where the value of a feature goes; null: there is none. */
  readonly prompt: string | null;
}

/** Loads a version that another server answers. Errors: MODEL_UPSTREAM, MODEL_FILE, MODEL_RUN, OIP_UNAVAILABLE. */
export async function openUpstream(version: UpstreamVersion, servers: UpstreamServers): Promise<LoadedModel> {
  const { upstream } = version.flavor;
  const server = Object.hasOwn(servers, upstream) ? servers[upstream] : undefined;
  if (server === undefined) throw fail('MODEL_UPSTREAM', { model: version.model, version: version.version, upstream });
  return server.kind === 'oip' ? openOip(version, server) : openChat(version, server);
}

/** The tensors are those that the server says. */
async function openOip({ model: name, flavor }: UpstreamVersion, server: UpstreamServer): Promise<LoadedModel> {
  const { model } = flavor;
  const told = Object(await upstreamJson(name, server, `/v2/models/${encodeURIComponent(model)}`));
  const [inputs, outputs] = [told.inputs, told.outputs].map((list: unknown) => specsOf(name, list));
  return loadFunction(oipUpstream({ ...server, name, model, inputs, outputs }));
}

function specsOf(model: string, list: unknown): readonly TensorSpec[] {
  const refuse = () => fail('MODEL_RUN', { model, reason: 'the upstream describes no tensors of the model' });
  if (!Array.isArray(list) || list.length === 0) throw refuse();
  return list.map((one) => {
    const { name, datatype, shape } = Object(one);
    const isKnown = datatype === 'BYTES' || Object.hasOwn(tensorArrays, String(datatype));
    if (typeof name !== 'string' || !isKnown || !Array.isArray(shape) || !shape.every(Number.isSafeInteger))
      throw refuse();
    return { name, type: datatype, shape };
  });
}

const PLACE = /\{(\w{1,63})\}/g;

/** The names of the places of a prompt are the features; the answer is one number. */
function openChat({ model: name, flavor, prompt }: UpstreamVersion, server: UpstreamServer): LoadedModel {
  const features = [...new Set([...(prompt ?? '').matchAll(PLACE)].map(([, feature]) => feature))];
  if (prompt === null || features.length === 0)
    throw fail('MODEL_FILE', { reason: `model ${name} needs a prompt with the features as {name}` });
  return loadFunction(
    functionModel({
      name,
      inputs: features.map((feature): TensorSpec => ({ name: feature, type: 'FP64', shape: [-1, 1] })),
      outputs: [{ name: 'score', type: 'FP64', shape: [-1, 1] }],
      run: async (given) => {
        const columns = given as Readonly<Record<string, { readonly data: Float64Array }>>;
        const rows = columns[features[0]].data.length;
        const asked = Array.from({ length: rows }, (_, row) =>
          prompt.replaceAll(PLACE, (_place, feature: string) => numberText(columns[feature].data[row])),
        );
        const scores = await inOrder(asked, server.concurrency ?? ROWS_AT_ONCE, (content) =>
          scoreOf({ name, model: flavor.model, server, content }),
        );
        return { score: { shape: [rows, 1], data: Float64Array.from(scores) } };
      },
    }),
  );
}

/** Calls at once for the rows of one run. */
const ROWS_AT_ONCE = 16;

/** The shortest text of the double: 12.09 of a decimal. */
function numberText(value: number): string {
  return Number.isNaN(value) ? 'unknown' : String(value);
}

interface ChatCall {
  readonly name: string;
  readonly model: string;
  readonly server: UpstreamServer;
  readonly content: string;
}

/** The number that a chat model answers. (OpenAI API reference, Create chat completion.) */
async function scoreOf({ name, model, server, content }: ChatCall): Promise<number> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content }], temperature: 0, stream: false });
  const answer = await callUpstream(name, server, { path: '/v1/chat/completions', body });
  const told: unknown = Object(
    await answerText(answer.body)
      .then(JSON.parse)
      .catch(() => null),
  ).choices?.[0]?.message?.content;
  const text = typeof told === 'string' ? told.trim() : '';
  if (/^[-+]?\d{1,20}(\.\d{1,20})?$/.test(text)) return Number(text);
  throw fail('MODEL_RUN', { model: name, reason: `the upstream answered no number: ${text.slice(0, 80)}` });
}

/** Works on items, some at once; the results are in their order. */
async function inOrder<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Array<R>(items.length);
  const left = items.entries();
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    for (const [i, item] of left) results[i] = await work(item);
  });
  await Promise.all(workers);
  return results;
}
