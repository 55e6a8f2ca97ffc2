import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { fail, type HeadraceError, isHeadraceError } from '../base/errors/fail.ts';
import { oipText, retryAfterS } from '../versions/request/refuse.ts';

/** The body of every error answer: the catalogued code, what is wrong, what to do, whether to try again. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string; readonly retry: string };
}

/** The error as its HTTP body. */
export function errorBody(error: HeadraceError): ErrorBody {
  return { error: { code: error.code, message: error.message, hint: error.hint, retry: error.retry } };
}

/** Whether a request target is one of the Open Inference Protocol, whose errors are `{error: text}`; the code is ours. */
function speaksOip(target: string): boolean {
  return target.startsWith('/v2') && !/^[^/?]/.test(target.slice('/v2'.length));
}

/** The JSON text of an error for a request target. */
export function errorText(error: HeadraceError, target: string): string {
  return JSON.stringify(speaksOip(target) ? { error: oipText(error), code: error.code } : errorBody(error));
}

/** Answers with a catalogued error; anything else becomes SERVER_FAULT, its cause kept from the client and given to the log. */
export function answerError(reply: FastifyReply, error: unknown): FastifyReply {
  const known = catalogued(error);
  if (known.retry === 'later') void reply.header('retry-after', String(retryAfterS(known)));
  if (known.code === 'OIP_UNSUPPORTED') void reply.header('accept-encoding', 'gzip, deflate');
  return reply.code(known.status).type('application/json').send(errorText(known, reply.request.url));
}

/** Answers with a catalogued error where no route is asked yet. */
export function answerPlain(response: ServerResponse, error: HeadraceError, more: OutgoingHttpHeaders = {}): void {
  const text = errorText(error, response.req.url ?? '');
  response.writeHead(error.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...(error.retry === 'later' ? { 'retry-after': '1' } : {}),
    ...more,
  });
  response.end(text);
}

/** The error as one of the catalogue. */
export function catalogued(error: unknown): HeadraceError {
  if (isHeadraceError(error)) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return fail('SERVER_BODY_SIZE', {}, error);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return fail('SERVER_MEDIA_TYPE', {}, error);
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return fail('SERVER_BODY', { reason: 'it is empty' }, error);
  return fail('SERVER_FAULT', {}, error);
}
