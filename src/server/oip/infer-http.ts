import { fail } from '../../base/errors/fail.ts';
import { coded, decoded, preferredCoding } from '../../serving/oip/content-coding.ts';
import type { InferCaller, InferReply } from '../../serving/oip/infer-request.ts';
import { parseInfer } from '../../serving/oip/parse-infer.ts';
import { refuse } from '../../serving/oip/refuse.ts';
import { type InferBytes, writeInfer } from '../../serving/oip/write-infer.ts';
import type { ModelHost } from '../../serving/runtime/model-host.ts';
import type { RouteAnswer, RouteRequest } from '../route.ts';

/** Largest body of an inference request, also after its coding is undone, bytes: Triton's own. */
export const LARGEST_INFER = 64 * 2 ** 20;

/** The header with which a caller says how long it waits, ms. */
const TIMEOUT_HEADER = 'headrace-timeout-ms';

export interface InferHttp extends InferCaller {
  readonly model: string;
  readonly version: string;
  /** The header inference-header-content-length. */
  readonly headerLength: string | null;
  /** Without coding. */
  readonly body: Uint8Array;
}

/** An answer as bytes, and what took how long. */
export interface InferredHttp extends InferBytes {
  readonly timing: string;
}

/** Answers an inference request whose body is there. Errors: those of the model host. Hot path. */
export async function inferHttp(host: ModelHost, asked: InferHttp): Promise<InferredHttp> {
  const { model, version, headerLength, body } = asked;
  // A model that is absent is that, whatever the body; a raw body is understood by the inputs of its model.
  const served = host.findLoaded(model, version) ?? (await host.find(model, version, asked.deadline));
  const inputsOf = () => served.signature.inputs;
  // Without a version the host chooses: by the cohort of the caller, where a rollout is under way.
  const named = version === '' ? '' : served.version;
  const request = parseInfer({ model, version: named, headerLength, body, inputsOf });
  const reply = await host.infer(request, asked);
  return { ...writeInfer(request, reply), timing: timingOf(reply) };
}

/** Time in the queue and of the run, as the header server-timing says it. */
function timingOf({ queueMs, computeMs }: InferReply): string {
  return `queue;dur=${queueMs.toFixed(3)}, compute;dur=${computeMs.toFixed(3)}`;
}

/** Answers an inference request of the full server: with compression both ways. */
export async function inferRoute(host: ModelHost, request: RouteRequest): Promise<RouteAnswer> {
  const { params, headers } = request;
  const body = await decoded(bodyOf(request.body), headers['content-encoding'], LARGEST_INFER);
  const inferred = await inferHttp(host, {
    model: params['model'] ?? '',
    version: params['version'] ?? '',
    headerLength: headerOf(headers['inference-header-content-length']),
    body,
    tenant: request.caller,
    deadline: deadlineOf(headerOf(headers[TIMEOUT_HEADER])),
    signal: request.gone(),
  });
  return codedAnswer(inferred, headerOf(headers['accept-encoding']) ?? undefined);
}

async function codedAnswer(
  { headerLength, body, timing }: InferredHttp,
  accept: string | undefined,
): Promise<RouteAnswer> {
  const coding = preferredCoding(accept);
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  return {
    status: 200,
    type: headerLength === null ? 'application/json' : 'application/octet-stream',
    body: coding === null ? bytes : await coded(bytes, coding),
    headers: {
      'server-timing': timing,
      ...(headerLength === null ? {} : { 'inference-header-content-length': String(headerLength) }),
      ...(coding === null ? {} : { 'content-encoding': coding }),
    },
  };
}

/** Until when a caller waits, by its own header. Error: OIP_REQUEST. */
export function deadlineOf(text: string | null): number {
  if (text === null) return Number.POSITIVE_INFINITY;
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw refuse(`${TIMEOUT_HEADER} '${text.slice(0, 40)}' is no number of ms`);
  return performance.now() + Number(text);
}

/** Bytes of a body; none where the client sent none. */
export function bodyOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** A header that occurs at most once. Error: OIP_REQUEST. */
function headerOf(value: string | readonly string[] | undefined): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  throw fail('OIP_REQUEST', { reason: 'a header occurs more than once' });
}
