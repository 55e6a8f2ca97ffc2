import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { KafkaAddress } from './client.ts';

/** The texts of an error of the client and of everything that it wraps, the innermost last. */
function reasonsOf(error: unknown, depth = 0): readonly string[] {
  if (depth > 8 || !(error instanceof Error)) return [];
  const inner = 'errors' in error && Array.isArray(error.errors) ? error.errors : [error.cause];
  const own = 'apiId' in error && typeof error.apiId === 'string' ? `${error.apiId}: ${error.message}` : textOf(error);
  return [own, ...inner.flatMap((each: unknown) => reasonsOf(each, depth + 1))];
}

/** With the code of a failure of TLS, which tells more than its text. */
function textOf(error: Error): string {
  const isTls = 'code' in error && typeof error.code === 'string' && TLS_CODE.test(error.code);
  return isTls ? `${String(error.code)}: ${error.message}` : error.message;
}

/** Whether a broker answered with the named error of the protocol, such as TOPIC_ALREADY_EXISTS. */
export function isAnswer(error: unknown, name: string): boolean {
  return reasonsOf(error).some((reason) => reason.startsWith(`${name}:`));
}

/** The errors of brokers, and of the client by their last answer, for a missing topic. */
const NO_TOPIC = /^(UNKNOWN_TOPIC_OR_PARTITION|UNKNOWN_TOPIC_ID|Unknown topic)\b/;

/** A broker's certificate that is not trusted, has expired, or is of another name. */
const CERTIFICATE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

const TLS_CODE = new RegExp(`${CERTIFICATE.source}|^ERR_SSL_`);

/** The errors of brokers and the client for a rejected login: wrong user, wrong mechanism, no certificate. */
const DENIED =
  /^(SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE):|AUTHORIZATION_FAILED|^ERR_SSL_\w*ALERT\w*(CERTIFICATE|UNKNOWN_CA)/;

/** The errors of the client if only one side uses TLS. */
const OTHER_WIRE = /^(Broker requires TLS|TLS handshake failed|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH))/;

/** The kind of a failure, by the error of the client or a broker. */
interface Failure {
  readonly kind: 'topic' | 'certificate' | 'denied' | 'wire' | 'unreachable';
  readonly reason: string;
}

function failureOf(error: unknown, tls: KafkaAddress['tls']): Failure {
  const reasons = reasonsOf(error);
  const last = reasons.at(-1) ?? String(error);
  const reasonLike = (pattern: RegExp) => reasons.find((reason) => pattern.test(reason));
  if (NO_TOPIC.test(last)) return { kind: 'topic', reason: last };
  const certificate = reasonLike(CERTIFICATE);
  if (certificate !== undefined) return { kind: 'certificate', reason: certificate };
  if (reasonLike(DENIED) !== undefined) return { kind: 'denied', reason: last };
  const otherWire =
    reasonLike(OTHER_WIRE) ?? (tls === undefined ? reasonLike(/^Cannot find a suitable SASL/) : undefined);
  return { kind: otherWire === undefined ? 'unreachable' : 'wire', reason: last };
}

/** The catalogued error for an error of the client or a broker about the log. */
export function kafkaFailure(error: unknown, { brokers, tls }: KafkaAddress, topic: string): Error {
  if (isHeadraceError(error)) return error;
  const { kind, reason } = failureOf(error, tls);
  switch (kind) {
    case 'topic':
      return fail('LOG_TOPIC', { topic }, error);
    case 'certificate':
      return fail('LOG_CERTIFICATE', { brokers, reason }, error);
    case 'denied':
      return fail('LOG_DENIED', { brokers, reason }, error);
    case 'wire':
      return fail('LOG_TLS', { brokers, reason: `log.tls is ${otherWire(tls)}` }, error);
    case 'unreachable':
      return fail('LOG_UNREACHABLE', { brokers, reason }, error);
    default:
      return kind satisfies never;
  }
}

/** The catalogued error for an error of the client or a broker about a topic of other services. */
export function topicFailure(error: unknown, { brokers, tls }: KafkaAddress, topic: string, group: string): Error {
  // The error of the log, for this topic's brokers.
  const thrown = isHeadraceError(error) && error.cause !== undefined ? error.cause : error;
  if (isHeadraceError(thrown)) return thrown;
  const { kind, reason } = failureOf(thrown, tls);
  if (kind === 'topic') return fail('TOPIC_ABSENT', { topic, brokers }, thrown);
  if (kind === 'denied') return fail('TOPIC_DENIED', { topic, brokers, group, reason }, thrown);
  const why = kind === 'wire' ? `tls is ${otherWire(tls)}` : reason;
  return fail('TOPIC_UNREACHABLE', { topic, brokers, reason: why }, thrown);
}

function otherWire(tls: KafkaAddress['tls']): string {
  return tls === undefined ? 'not set, and they ask for it' : 'set, and they know none';
}
