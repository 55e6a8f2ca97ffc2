import type { MaybePromise } from '../base/maybe-promise.ts';
import type { FeatureServiceData } from '../features/define/declaration.ts';
import type { Headrace } from '../headrace.ts';
import { arrayOf, instantOf, objectBody } from './body.ts';

const MOST_KEYS = 1_000;

/** Answers a body `{request}` with one vector, `{requests}` with many, each read as of `at` (now). Errors: SERVER_BODY, REQUEST_*. */
export function featureAnswer(headrace: Headrace, service: FeatureServiceData, text: unknown): MaybePromise<string> {
  const body = objectBody(text, ['request', 'requests', 'at']);
  const at = instantOf(body['at']);
  const requests = body['requests'];
  if (requests === undefined) return headrace.vectorText(service, body['request'], at);
  const vectors = arrayOf(requests, 'requests', MOST_KEYS).map((one) => headrace.vectorText(service, one, at));
  return Promise.all(vectors).then((all) => `{"vectors":[${all.join(',')}]}`);
}
