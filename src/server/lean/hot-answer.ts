import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { OpenSpan } from '../../base/tracer.ts';
import { catalogued } from '../error-answer.ts';
import { hidingPaths } from '../hidden-paths.ts';
import { heldBytes } from '../limits/held-bytes.ts';
import { mostDecoded } from '../limits/request-held.ts';
import type { RequestCheck } from '../request-check.ts';
import { endRequest, requestSpan } from '../request-spans.ts';
import type { ServedProject } from '../served-project.ts';
import type { BytesRoute, Gone, HotRequest, HotRoute } from './hot-route.ts';
import { BUSY, busyResponse, errorResponse, type LeanResponse, statusOf } from './response.ts';

/** Answers requests to hot routes, whoever reads them. */
export interface HotAnswers {
  /** Paths that are answered. */
  readonly paths: ReadonlySet<string>;
  /** Whether requests that run models are answered. */
  readonly runsModels: boolean;
  /** The whole response to a request to one of them; `gone`: when the client goes away. Never throws. */
  readonly answer: (head: HotRequest, body: string, gone: Gone) => MaybePromise<LeanResponse>;
  /** The whole response to a request that runs a model. Never throws. */
  readonly answerBytes: (head: HotRequest, body: Uint8Array, gone: Gone) => MaybePromise<LeanResponse>;
}

/** The hot routes together: who may be answered is checked, and what is traced has its span. Hot path. */
export function hotAnswers(
  routes: readonly HotRoute[],
  bytes: BytesRoute | null,
  check: RequestCheck,
  { tracer, directory }: Pick<ServedProject, 'tracer' | 'directory'>,
): HotAnswers {
  const refused = refusing(hidingPaths(directory));
  const byPath = new Map(routes.map((route) => [route.path, route]));
  return {
    paths: new Set(byPath.keys()),
    runsModels: bytes !== null,
    answerBytes: (head, body, gone): MaybePromise<LeanResponse> => {
      if (bytes === null) return errorResponse(fail('SERVER_ROUTE', { method: 'POST', path: head.path }));
      const span = tracer === null ? null : requestSpan(tracer, 'POST', bytes.route, head.path, head.traceparent);
      const failed = (error: unknown) => refused(error, span, head.path);
      try {
        const caller = check(bytes.scopes, head.authorization);
        return heldAnswer(() => bytes.answer(head, body, caller, gone, span), mostDecoded(body.length), span, failed);
      } catch (error) {
        return failed(error);
      }
    },
    answer: (head, body, gone): MaybePromise<LeanResponse> => {
      const route = byPath.get(head.path);
      if (route === undefined) return errorResponse(fail('SERVER_ROUTE', { method: 'POST', path: head.path }));
      const span = tracer === null ? null : requestSpan(tracer, 'POST', route.route, head.path, head.traceparent);
      if (route.turnsAway()) {
        if (span !== null) endRequest(span, BUSY.status, BUSY);
        return busyResponse();
      }
      const failed = (error: unknown) => refused(error, span);
      try {
        const caller = check(route.scopes, head.authorization);
        return heldAnswer(() => route.answer(head, body, span, caller, gone), mostDecoded(body.length), span, failed);
      } catch (error) {
        return failed(error);
      }
    },
  };
}

/**
 * Answers a request whose memory counts until then, and ends its span. Errors before the first wait: SERVER_HELD, those of `answer`; later
 * ones go to `failed`. Hot path.
 */
function heldAnswer(
  answer: () => MaybePromise<LeanResponse>,
  size: number,
  span: OpenSpan | null,
  failed: (error: unknown) => LeanResponse,
): MaybePromise<LeanResponse> {
  heldBytes.take(size);
  let isLater = false;
  try {
    const answered = answer();
    if (!(answered instanceof Promise)) return ended(answered, span);
    isLater = true;
    // One step for both outcomes: each further promise costs a request as much as the parse of its body.
    return answered.then(
      (response) => {
        heldBytes.give(size);
        return ended(response, span);
      },
      (error) => {
        heldBytes.give(size);
        return failed(error);
      },
    );
  } finally {
    if (!isLater) heldBytes.give(size);
  }
}

/** The response, with the span of its request ended. */
function ended(response: LeanResponse, span: OpenSpan | null): LeanResponse {
  if (span !== null) endRequest(span, statusOf(response));
  return response;
}

function refusing(
  hide: (text: string) => string,
): (error: unknown, span: OpenSpan | null, path?: string) => LeanResponse {
  return (error, span, path) => {
    const known = catalogued(error);
    if (span !== null) endRequest(span, known.status, known);
    return errorResponse(known, hide, path);
  };
}
