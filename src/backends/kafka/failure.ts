import { fail, isHeadraceError } from '../../base/errors/fail.ts';

/** The texts of an error of the client and of everything that it wraps, the innermost last. */
function reasonsOf(error: unknown, depth = 0): readonly string[] {
  if (depth > 8 || !(error instanceof Error)) return [];
  const inner = 'errors' in error && Array.isArray(error.errors) ? error.errors : [error.cause];
  const own = 'apiId' in error && typeof error.apiId === 'string' ? `${error.apiId}: ${error.message}` : error.message;
  return [own, ...inner.flatMap((each: unknown) => reasonsOf(each, depth + 1))];
}

/** Whether a broker answered with the named error of the protocol, such as TOPIC_ALREADY_EXISTS. */
export function isAnswer(error: unknown, name: string): boolean {
  return reasonsOf(error).some((reason) => reason.startsWith(`${name}:`));
}

/** What brokers, and the client by what they said last, say of a topic that is not there. */
const NO_TOPIC = /^(UNKNOWN_TOPIC_OR_PARTITION|UNKNOWN_TOPIC_ID|Unknown topic)\b/;

/** The catalogued error of what the client or a broker says. */
export function kafkaFailure(error: unknown, brokers: readonly string[], topic: string): Error {
  if (isHeadraceError(error)) return error;
  const reasons = reasonsOf(error);
  const reason = reasons.at(-1) ?? String(error);
  if (NO_TOPIC.test(reason)) return fail('LOG_TOPIC', { topic }, error);
  if (isAnswer(error, 'SASL_AUTHENTICATION_FAILED')) return fail('LOG_DENIED', { brokers, reason }, error);
  if (reasons.some((text) => text.includes('AUTHORIZATION_FAILED')))
    return fail('LOG_DENIED', { brokers, reason }, error);
  return fail('LOG_UNREACHABLE', { brokers, reason }, error);
}
