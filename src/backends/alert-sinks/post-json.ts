import { answerStart } from '../../base/read-answer.ts';
import type { SinkAnswer } from '../../ports/alert-sink.ts';

/** Refused now, and perhaps accepted later. */
const LATER_STATUS = [408, 409, 425, 429];

/** Of an answer this much is shown, bytes; the rest is not read. */
const LONGEST_REASON = 200;

interface Post {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** A receiver answers within this, ms. */
  readonly timeoutMs: number;
}

/** Posts JSON. Redirects are not followed: a receiver must be named itself. A reason names neither address nor headers. */
export async function postJson({ url, headers = {}, body, signal, timeoutMs }: Post): Promise<SinkAnswer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const said = (await answerStart(response.body, LONGEST_REASON)).trim();
    return answerOf(response, said);
  } catch (error) {
    return { kind: 'later', reason: failureText(error), afterMs: null };
  }
}

function answerOf(response: Response, said: string): SinkAnswer {
  if (response.ok) return { kind: 'accepted' };
  const { status } = response;
  const reason = `it answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status >= 500 || LATER_STATUS.includes(status))
    return { kind: 'later', reason, afterMs: retryAfter(response.headers.get('retry-after')) };
  return { kind: 'refused', reason };
}

/** Seconds; a date is not read. At most a day. */
function retryAfter(text: string | null): number | null {
  return text !== null && /^\d{1,6}$/.test(text) ? Math.min(86_400, Number(text)) * 1_000 : null;
}

function failureText(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null;
  return code === null ? 'no answer' : `no answer: ${code}`;
}
