import type { InferRequest, Parameters } from './infer-request.ts';

/** The parameter of a request by which its caller keeps a cohort; without it the request's id. */
const KEY_PARAMETER = 'headrace_key';

/** The key of a request's caller; null: it has none. */
export function callerKey({ parameters, id }: Pick<InferRequest, 'parameters' | 'id'>): string | null {
  const key = parameters[KEY_PARAMETER];
  if (key !== undefined) return String(key);
  return id === '' ? null : id;
}

/** The parameters by which requests that follow from a request have its caller. */
export function callerParameters(request: Pick<InferRequest, 'parameters' | 'id'>): Parameters {
  const key = callerKey(request);
  return key === null ? {} : { [KEY_PARAMETER]: key };
}
