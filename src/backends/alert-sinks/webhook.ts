import { createHmac } from 'node:crypto';
import type { AlertMessage, AlertSink, SinkAnswer } from '../../ports/alert-sink.ts';
import { postJson } from './post-json.ts';

/** Version of the body. */
const FORMAT = 1;

export interface WebhookOptions {
  readonly url: string;
  /** Null: messages are not signed. */
  readonly secret: string | null;
  readonly timeoutMs: number;
}

/** A message of any kind. */
export interface SignedMessage {
  /** The same at every attempt. */
  readonly key: string;
  /** Epoch ms. */
  readonly at: number;
  /** JSON. */
  readonly body: string;
}

/**
 * Posts a message as JSON, signed as Standard Webhooks 1.0 says: `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over
 * `id.seconds.body`. `webhook-id` is the key of the message, so that a receiver recognises a repetition.
 */
export function postSigned(
  { url, secret, timeoutMs }: WebhookOptions,
  { key, at, body }: SignedMessage,
  signal: AbortSignal,
): Promise<SinkAnswer> {
  const seconds = String(Math.floor(at / 1_000));
  const headers = { 'webhook-id': key, 'webhook-timestamp': seconds };
  const signed =
    secret === null ? headers : { ...headers, 'webhook-signature': signatureOf(secret, `${key}.${seconds}.${body}`) };
  return postJson({ url, headers: signed, body, signal, timeoutMs });
}

/** Posts messages about incidents. */
export function webhookSink(options: WebhookOptions): AlertSink {
  return {
    capabilities: { digests: true, repeatMs: null },
    send: (message, signal) => postSigned(options, { ...message, body: webhookBody(message) }, signal),
    close: () => undefined,
  };
}

/** A secret that begins with `whsec_` is base64, any other text its own bytes. */
function signatureOf(secret: string, text: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}

/** `{ format, key, action, project, namespace, title, text, link, incidents }`. */
function webhookBody({ key, action, project, namespace, title, lines, link, incidents }: AlertMessage): string {
  return JSON.stringify({
    format: FORMAT,
    key,
    action,
    project,
    namespace,
    title,
    text: lines.join('\n'),
    link,
    incidents,
  });
}
