import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { answerStart, answerText } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { trimEndOf } from '../../base/trim-end.ts';

/** Where an upstream is, and how it is called. */
export interface UpstreamOptions {
  /** `http://10.0.0.5:8000`, without a path of the protocol. */
  readonly url: string;
  /** The variable of this process that has the key, sent as `authorization: Bearer …`. */
  readonly key?: { readonly env: string };
  /** A call without an answer after this fails, ms (30,000). */
  readonly timeoutMs?: number;
  /** Calls at once (16). */
  readonly concurrency?: number;
  /** The platform's own where it is left out. */
  readonly fetch?: typeof globalThis.fetch;
}

export const UPSTREAM_CALLS = 16;
const TIMEOUT_MS = 30_000;

/** Text of an error that is read of an upstream, characters. */
const LONGEST_REASON = 300;

/** One call: JSON text to a path; without a body the path is read. */
export interface UpstreamCall {
  readonly path: string;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Posts JSON to an upstream. Errors: MODEL_RUN, with its status and the beginning of its text; OIP_UNAVAILABLE, where it asks to retry. */
export async function callUpstream(
  model: string,
  options: UpstreamOptions,
  { path, body, signal }: UpstreamCall,
): Promise<Response> {
  const { url, key, timeoutMs = TIMEOUT_MS, fetch = globalThis.fetch } = options;
  const secret = key === undefined ? undefined : process.env[key.env];
  if (key !== undefined && secret === undefined)
    throw fail('MODEL_RUN', { model, reason: `the variable ${key.env} of its key is not set` });
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(`${trimEndOf(url, '/')}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'content-type': 'application/json',
        ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
      },
      ...(body === undefined ? {} : { body }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    if (answer.ok) return answer;
    const text = await answerStart(answer.body, LONGEST_REASON);
    const reason = `the upstream answered ${answer.status}: ${text}`;
    if (answer.status === 429 || answer.status === 503) throw fail('OIP_UNAVAILABLE', { reason, afterS: 1 });
    throw fail('MODEL_RUN', { model, reason });
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('MODEL_RUN', { model, reason: `the upstream does not answer: ${reasonOf(error)}` }, error);
  }
}

/** Reads JSON of an upstream. Errors: as `callUpstream`. */
export async function upstreamJson(model: string, options: UpstreamOptions, path: string): Promise<unknown> {
  const answer = await callUpstream(model, options, { path });
  try {
    return JSON.parse(await answerText(answer.body));
  } catch (error) {
    throw fail('MODEL_RUN', { model, reason: `the upstream answered no JSON: ${reasonOf(error)}` }, error);
  }
}
