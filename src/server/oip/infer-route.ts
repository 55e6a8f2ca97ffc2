import { setImmediate } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import { parseInTurns } from '../../schema/json-in-turns.ts';
import { coded, decoded, preferredCoding } from '../../serving/oip/content-coding.ts';
import type { ModelHost } from '../../serving/oip/model-host.ts';
import { jsonInTurns } from '../../serving/oip/parse-infer.ts';
import type { InferredBytes } from '../../serving/oip/write-infer.ts';
import { LONG_BODY } from '../body.ts';
import { mostDecoded, type RequestHeld } from '../limits/request-held.ts';
import type { RouteAnswer, RouteRequest } from '../route.ts';
import { deadlineOf, inferHttp, TIMEOUT_HEADER } from './infer-http.ts';

/** Largest body of an inference request, also after its coding is undone, bytes: Triton's own. */
export const LARGEST_INFER = 64 * 2 ** 20;

/** Answers an inference request of the full server: with compression both ways. */
export async function inferRoute(host: ModelHost, request: RouteRequest): Promise<RouteAnswer> {
  const { params, headers } = request;
  const { bytes: body, mostValues } = await decoded(bodyOf(request.body), headers['content-encoding'], LARGEST_INFER);
  if (body !== request.body) request.held.take(body.length);
  const headerLength = headerOf(headers['inference-header-content-length']);
  const json = await readJson(body, headerLength, mostValues, request.held);
  const inferred = await inferHttp(host, {
    model: params['model'] ?? '',
    version: params['version'] ?? '',
    headerLength,
    body,
    json,
    mostValues,
    tenant: request.caller,
    deadline: deadlineOf(headerOf(headers[TIMEOUT_HEADER])),
    signal: request.gone(),
    trace: request.trace,
  });
  return codedAnswer(inferred, headerOf(headers['accept-encoding']) ?? undefined);
}

/** The JSON of a request, read in turns where it is long; undefined where it is short, or not where it should be. Errors: OIP_REQUEST, SERVER_HELD. */
async function readJson(
  body: Buffer,
  headerLength: string | null,
  mostValues: number,
  held: RequestHeld,
): Promise<unknown> {
  const end = headerLength === null ? body.length : Number(headerLength);
  if (!(end > LONG_BODY && end <= body.length)) {
    held.take(mostDecoded(Math.min(body.length, LONG_BODY)));
    return undefined;
  }
  return jsonInTurns(body.subarray(0, end), (text, parse) =>
    parseInTurns(text, { parse, mostValues, counted: held.takeCounts, turn: setImmediate }),
  );
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
