import type { Results, TensorsOf } from '../../features/define/function-model.ts';
import {
  type NumericTensorType,
  type Tensor,
  type TensorSpec,
  type TensorType,
  tensorArrays,
} from '../../schema/tensor.ts';
import { ClientError, ownError } from '../client-error.ts';

/** A model as its metadata describes it; a function of the project is one too. */
export interface OipModel<
  Inputs extends readonly TensorSpec[] = readonly TensorSpec[],
  Outputs extends readonly TensorSpec[] = readonly TensorSpec[],
> {
  readonly name: string;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
}

export interface OipClientOptions {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** An API key. */
  readonly key?: string;
  readonly fetch?: typeof globalThis.fetch;
}

export interface OipCallOptions {
  /** A number, `latest` or an alias; without it the server chooses. */
  readonly version?: string;
  /** How long the request may wait on the server, ms. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Calls models of a server by the Open Inference Protocol. */
export interface OipClient {
  /**
   * Runs a model on tensors, sent and received as binary. Errors: ClientError with the server's code, CLIENT_UNREACHABLE,
   * CLIENT_ANSWER.
   */
  infer<Inputs extends readonly TensorSpec[], Outputs extends readonly TensorSpec[]>(
    model: OipModel<Inputs, Outputs>,
    inputs: Results<Inputs>,
    options?: OipCallOptions,
  ): Promise<TensorsOf<Outputs>>;
}

/** Makes a client of a server's models; it needs `fetch` alone. */
export function createOipClient({ url, key, fetch = globalThis.fetch }: OipClientOptions): OipClient {
  const base = url.replace(/\/+$/, '');
  return {
    infer: async (model, inputs, { version, timeoutMs, signal } = {}) => {
      const at = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
      const target = `${base}/v2/models/${encodeURIComponent(model.name)}${at}/infer`;
      const { head, body } = requestBytes(model, inputs as Readonly<Record<string, Pick<Tensor, 'shape' | 'data'>>>);
      const headers = {
        'inference-header-content-length': String(head),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(timeoutMs === undefined ? {} : { 'headrace-timeout-ms': String(timeoutMs) }),
      };
      const unreachable = (error: unknown): never => {
        if (signal?.aborted === true) throw error;
        throw ownError('CLIENT_UNREACHABLE', { url: base, reason: String(error) }, error);
      };
      const answer = await fetch(target, { method: 'POST', headers, body, signal: signal ?? null }).catch(unreachable);
      const bytes = new Uint8Array(await answer.arrayBuffer().catch(unreachable));
      if (!answer.ok) throw refusal(base, answer.status, bytes);
      const length = Number(answer.headers.get('inference-header-content-length') ?? bytes.length);
      try {
        return outputsOf(bytes, length) as never;
      } catch (error) {
        throw ownError('CLIENT_ANSWER', { url: base, status: answer.status }, error);
      }
    },
  };
}

const LENGTH_BYTES = 4;

function requestBytes(
  model: OipModel,
  values: Readonly<Record<string, Pick<Tensor, 'shape' | 'data'>>>,
): { readonly head: number; readonly body: Uint8Array<ArrayBuffer> } {
  const tails: Uint8Array[] = [];
  const inputs = model.inputs.map(({ name, type }) => {
    const { shape, data } = values[name];
    const bytes = bytesOf(data);
    tails.push(bytes);
    return { name, datatype: type, shape, parameters: { binary_data_size: bytes.length } };
  });
  const outputs = model.outputs.map(({ name }) => ({ name, parameters: { binary_data: true } }));
  const json = new TextEncoder().encode(JSON.stringify({ inputs, outputs }));
  return { head: json.length, body: joined([json, ...tails]) };
}

function bytesOf(data: Tensor['data']): Uint8Array {
  if ('buffer' in data) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return joined(data.flatMap((one) => [new Uint8Array(Uint32Array.of(one.length).buffer), one]));
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

interface AnsweredTensor {
  readonly name: string;
  readonly datatype: TensorType;
  readonly shape: readonly number[];
  readonly parameters: { readonly binary_data_size: number };
}

function outputsOf(bytes: Uint8Array<ArrayBuffer>, length: number): Readonly<Record<string, Tensor>> {
  const { outputs } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
  let at = length;
  const tensors = (outputs as readonly AnsweredTensor[]).map(
    ({ name, datatype, shape, parameters }): [string, Tensor] => {
      const part = bytes.slice(at, at + parameters.binary_data_size);
      at += parameters.binary_data_size;
      if (!(at <= bytes.length)) throw new RangeError('it ends before its tensors do');
      if (datatype === 'BYTES') return [name, { name, type: datatype, shape, data: stringsOf(part) }];
      return [name, { name, type: datatype, shape, data: numbersOf(datatype, part) }];
    },
  );
  return Object.fromEntries(tensors);
}

function numbersOf(type: NumericTensorType, bytes: Uint8Array<ArrayBuffer>) {
  return new tensorArrays[type](bytes.buffer);
}

function stringsOf(bytes: Uint8Array<ArrayBuffer>): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer);
  const strings: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    strings.push(bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
    at += LENGTH_BYTES + length;
  }
  return strings;
}

function refusal(url: string, status: number, bytes: Uint8Array): ClientError {
  try {
    const { error, code } = JSON.parse(new TextDecoder().decode(bytes));
    const retry = status === 503 ? 'later' : 'never';
    const hint = 'compare the request with the metadata of the model: GET /v2/models/{name}';
    if (typeof error === 'string' && typeof code === 'string')
      return new ClientError({ code, message: error, hint, retry, status });
  } catch {
    // No answer of this server.
  }
  return ownError('CLIENT_ANSWER', { url, status });
}
