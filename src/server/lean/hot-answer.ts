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
import type { BytesRoute, HotRequest, HotRoute } from './hot-route.ts';
import { BUSY, busyResponse, errorResponse, type LeanResponse, statusOf } from './response.ts';

/** Answers requests to hot routes, whoever reads them. */
export interface HotAnswers {
  /** Paths that are answered. */
  readonly paths: ReadonlySet<string>;
  /** Whether requests that run models are answered. */
  readonly runsModels: boolean;
  /** The whole response to a request to one of them; `gone` is aborted when the client goes away. Never throws. */
  readonly answer: (head: HotRequest, body: string, gone: AbortSignal) => MaybePromise<LeanResponse>;
  /** The whole response to a request that runs a model. Never throws. */
  readonly answerBytes: (head: HotRequest, body: Uint8Array, gone: AbortSignal) => MaybePromise<LeanResponse>;
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
      try {
        const caller = check(bytes.scopes, head.authorization);
        const size = mostDecoded(body.length);
        heldBytes.take(size);
        return Promise.resolve(releasing(() => bytes.answer(head, body, caller, gone, span), size)).then(
          done(span),
          (error) => refused(error, span, head.path),
        );
      } catch (error) {
        return refused(error, span, head.path);
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
      try {
        const caller = check(route.scopes, head.authorization);
        const bytes = mostDecoded(body.length);
        heldBytes.take(bytes);
        const answered = releasing(() => route.answer(head, body, span, caller, gone), bytes);
        if (answered instanceof Promise) return answered.then(done(span), (error) => refused(error, span));
        return span === null ? answered : done(span)(answered);
      } catch (error) {
        return refused(error, span);
      }
    },
  };
}

/** Counts the memory of a request no longer when it is answered. Hot path. */
function releasing<T>(answer: () => MaybePromise<T>, size: number): MaybePromise<T> {
  let isLater = false;
  try {
    const answered = answer();
    if (!(answered instanceof Promise)) return answered;
    isLater = true;
    return answered.finally(() => heldBytes.give(size));
  } finally {
    if (!isLater) heldBytes.give(size);
  }
}

/** Ends the span of a request that is answered. */
function done(span: OpenSpan | null): (response: LeanResponse) => LeanResponse {
  return (response) => {
    if (span !== null) endRequest(span, statusOf(response));
    return response;
  };
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
