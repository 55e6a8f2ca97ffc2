import { createHmac, randomUUID } from 'node:crypto';
import { answerStart } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Delivery, Webhook, WebhookStore } from '../../ports/webhook-store.ts';
import { checkWebhookUrl } from './allowed-url.ts';

/** A receiver answers within this, ms. */
const TIMEOUT_MS = 10_000;

/** A delivery belongs to the process that took it for this long, ms. */
const TAKEN_MS = 60_000;

/** Of an answer this much is kept, bytes; the rest is not read. */
const LONGEST_TEXT = 1_000;

const MOST_ATTEMPTS = 10;
const LONGEST_WAIT_MS = 3_600_000;

/** The answer of a receiver; `error`: there was none. */
export interface DeliveryAnswer {
  readonly status: number | null;
  readonly text: string;
  readonly error: string | null;
}

export interface DeliverOptions {
  readonly allowed: readonly string[];
  readonly clock: () => number;
  /** Receives deliveries that are given up. */
  readonly onFault: (error: unknown) => void;
}

/** Delivers what is due, until nothing is; a failed delivery is tried again, later each time, and given up after ten attempts. */
export async function deliverDue(registry: WebhookStore, options: DeliverOptions): Promise<number> {
  let delivered = 0;
  for (;;) {
    const now = options.clock();
    const delivery = await registry.takeDelivery(now, now + TAKEN_MS);
    if (delivery === null) return delivered;
    const webhook = await registry.webhook(delivery.webhook);
    const answer = webhook?.isActive === true ? await post(webhook, delivery.body, options) : null;
    if (answer === null || isTaken(answer)) {
      await registry.finishDelivery(delivery.no);
      delivered += answer === null ? 0 : 1;
    } else await retry(registry, delivery, answer, options);
  }
}

/** Sends one body to a webhook, signed if it has a secret. Redirects are not followed: they could lead to an address that is not allowed. */
export async function post(
  webhook: Webhook,
  body: string,
  { allowed, clock }: DeliverOptions,
): Promise<DeliveryAnswer> {
  try {
    checkWebhookUrl(webhook.url, allowed);
    const response = await fetch(webhook.url, {
      method: 'POST',
      headers: signedHeaders(webhook, body, clock()),
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, text: await answerStart(response.body, LONGEST_TEXT), error: null };
  } catch (error) {
    return { status: null, text: '', error: reasonOf(error) };
  }
}

/** MLflow's headers: the signature is the HMAC-SHA256 of `id.seconds.body`, in base64 after `v1,`. */
function signedHeaders({ secret }: Webhook, body: string, now: number): Readonly<Record<string, string>> {
  const id = randomUUID();
  const seconds = String(Math.floor(now / 1_000));
  const headers = { 'content-type': 'application/json', 'x-mlflow-delivery-id': id, 'x-mlflow-timestamp': seconds };
  if (secret === '') return headers;
  const signature = createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64');
  return { ...headers, 'x-mlflow-signature': `v1,${signature}` };
}

function isTaken({ status }: DeliveryAnswer): boolean {
  return status !== null && status >= 200 && status < 300;
}

async function retry(
  registry: WebhookStore,
  { no, attempts, webhook }: Delivery,
  { status, error }: DeliveryAnswer,
  { clock, onFault }: DeliverOptions,
): Promise<void> {
  const isRefused = status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (attempts < MOST_ATTEMPTS && !isRefused)
    return registry.retryDelivery(no, clock() + Math.min(1_000 * 2 ** (attempts - 1), LONGEST_WAIT_MS));
  await registry.finishDelivery(no);
  onFault(new Error(`a change was not delivered to webhook ${webhook}: ${error ?? `it answered ${status}`}`));
}
