import { createHmac } from 'node:crypto';
import type { AlertMessage, AlertSink } from '../../ports/alert-sink.ts';
import { postJson } from './post-json.ts';

/** Version of the body. */
const FORMAT = 1;

export interface WebhookOptions {
  readonly url: string;
  /** Null: messages are not signed. */
  readonly secret: string | null;
  readonly timeoutMs: number;
}

/**
 * Posts messages as JSON, signed as Standard Webhooks 1.0 says: `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over
 * `id.seconds.body`. `webhook-id` is the key of the message, so that a receiver recognises a repetition.
 */
export function webhookSink({ url, secret, timeoutMs }: WebhookOptions): AlertSink {
  return {
    capabilities: { digests: true, repeatMs: null },
    send: (message, signal) => {
      const body = webhookBody(message);
      const seconds = String(Math.floor(message.at / 1_000));
      const headers = { 'webhook-id': message.key, 'webhook-timestamp': seconds };
      const signed =
        secret === null
          ? headers
          : { ...headers, 'webhook-signature': signatureOf(secret, `${message.key}.${seconds}.${body}`) };
      return postJson({ url, headers: signed, body, signal, timeoutMs });
    },
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
