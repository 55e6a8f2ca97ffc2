import { fail } from '../../base/errors/fail.ts';
import { coded, decoded, preferredCoding } from '../../serving/oip/content-coding.ts';
import type { InferredBytes } from '../../serving/oip/write-infer.ts';
import type { ModelHost } from '../../serving/runtime/model-host.ts';
import type { RouteAnswer, RouteRequest } from '../route.ts';
import { deadlineOf, inferHttp, TIMEOUT_HEADER } from './infer-http.ts';

/** Largest body of an inference request, also after its coding is undone, bytes: Triton's own. */
export const LARGEST_INFER = 64 * 2 ** 20;

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
    trace: request.trace,
  });
  return codedAnswer(inferred, headerOf(headers['accept-encoding']) ?? undefined);
}

async function codedAnswer(
  { headerLength, body, timing }: InferredBytes,
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

/** Bytes of a body; none where the client sent none. */
export function bodyOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** A header that occurs at most once. Error: OIP_REQUEST. */
export function headerOf(value: string | readonly string[] | undefined): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  throw fail('OIP_REQUEST', { reason: 'a header occurs more than once' });
}
