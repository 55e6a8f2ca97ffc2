import { VECTOR_BINARY_TYPE } from '../schema/vector-format.ts';
import { ClientError, type Failure, ownError } from './client-error.ts';
import { readVectors } from './read-vectors.ts';

/** When a call may be made again without the risk that something happens twice. */
export type Repeatable =
  /** Always: it reads, or what it writes is known by its id. */
  | 'always'
  /** Only where the server says that it did nothing. */
  | 'refused';

/** How calls are made; the parts that a test or a platform brings are arguments. */
export interface CallSettings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Time for a call with all its retries, ms. */
  readonly deadlineMs: number;
  /** Times that a call is made again at most. */
  readonly retries: number;
  readonly fetch: typeof globalThis.fetch;
  /** A number in [0, 1). */
  readonly rng: () => number;
  /** The caller's place in its trace, as a `traceparent` header; undefined: in none. */
  readonly traceparent: () => string | undefined;
}

export interface CallOptions {
  /** Time for the call with all its retries, ms. */
  readonly deadlineMs?: number;
  /** Ends the call; it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

/** A request, and the form of its answer. */
export interface Called {
  readonly path: string;
  readonly body: string;
  readonly repeatable: Repeatable;
  /** Media type of the answer; errors are JSON all the same. */
  readonly accept: string;
}

export const JSON_TYPE = 'application/json';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** Statuses of a server, or of a proxy before it, that has not begun with the call. */
const NOT_BEGUN = [429, 503];

/**
 * Posts JSON and returns the answer: vectors of a binary answer, else parsed JSON. A failed call is retried while that is
 * safe and the deadline allows: after the time in `retry-after`, or after a random part of 50 ms, doubled each time.
 * Errors: ClientError with the server's code, CLIENT_UNREACHABLE, CLIENT_DEADLINE, CLIENT_ANSWER.
 */
export async function call(
  settings: CallSettings,
  { path, body, repeatable, accept }: Called,
  options: CallOptions = {},
): Promise<unknown> {
  const url = `${settings.url}${path}`;
  const deadlineMs = options.deadlineMs ?? settings.deadlineMs;
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  const ends = performance.now() + deadlineMs;
  for (let attempt = 0; ; attempt += 1) {
    options.signal?.throwIfAborted();
    const outcome = await once(settings, url, { body, accept }, signal).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      if (deadline.aborted) throw ownError('CLIENT_DEADLINE', { url, deadlineMs }, error);
      throw error;
    });
    if (!('error' in outcome)) return outcome.value;
    const waitMs = waitOf(outcome, attempt, settings.rng);
    const again = attempt < settings.retries && mayRepeat(outcome, repeatable) && performance.now() + waitMs < ends;
    if (!again) throw outcome.error;
    await pause(waitMs, signal);
  }
}

interface Failed {
  readonly error: ClientError;
  /** null: there was no answer, so the outcome is unknown. */
  readonly status: number | null;
  readonly retryAfterMs: number | null;
}

async function once(
  { fetch, headers, traceparent }: CallSettings,
  url: string,
  { body, accept }: { readonly body: string; readonly accept: string },
  signal: AbortSignal,
): Promise<Answer | Failed> {
  let response: Response;
  let value: unknown;
  try {
    const trace = traceparent();
    const own = {
      ...headers,
      accept,
      'content-type': JSON_TYPE,
      ...(trace === undefined ? {} : { traceparent: trace }),
    };
    response = await fetch(url, { method: 'POST', headers: own, body, signal });
    const isBinary = accept === VECTOR_BINARY_TYPE && response.ok;
    value = isBinary ? vectorsOf(await response.arrayBuffer()) : parsed(await response.text());
  } catch (error) {
    signal.throwIfAborted();
    return {
      error: ownError('CLIENT_UNREACHABLE', { url, reason: reasonOf(error) }, error),
      status: null,
      retryAfterMs: null,
    };
  }
  const { status } = response;
  const failure = failureOf(value, status);
  if (failure === null && value !== undefined && (response.ok || isReport(value))) return { status, value };
  return {
    error: failure === null ? ownError('CLIENT_ANSWER', { url, status }) : new ClientError(failure),
    status,
    retryAfterMs: retryAfter(response.headers.get('retry-after')),
  };
}

function mayRepeat({ error, status }: Failed, repeatable: Repeatable): boolean {
  if (repeatable === 'refused') return status !== null && NOT_BEGUN.includes(status);
  return error.retry !== 'never' || (status !== null && [...NOT_BEGUN, 502, 504].includes(status));
}

function waitOf({ retryAfterMs, error }: Failed, attempt: number, rng: () => number): number {
  if (retryAfterMs !== null) return retryAfterMs;
  if (error.retry === 'safe' && attempt === 0) return 0;
  return rng() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
}

/** The header's seconds or HTTP date as ms from now. */
function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

/** A report of events is an answer whatever the status: 400 where all were refused. */
function isReport(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'accepted' in value && 'refused' in value;
}

/** The failure in an answer; null if it has none. */
function failureOf(json: unknown, status: number): Failure | null {
  if (typeof json !== 'object' || json === null || !('error' in json)) return null;
  const { error } = json;
  if (typeof error !== 'object' || error === null) return null;
  const { code, message, hint, retry } = error as Readonly<Record<string, unknown>>;
  if (typeof code !== 'string' || typeof message !== 'string' || typeof hint !== 'string') return null;
  return { code, message, hint, retry: retry === 'safe' || retry === 'later' ? retry : 'never', status };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** undefined: they are none. */
function vectorsOf(bytes: ArrayBuffer): unknown {
  return readVectors(new Uint8Array(bytes)) ?? undefined;
}

/** The reason of a failed fetch is in its cause in Node, and in the message elsewhere. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
