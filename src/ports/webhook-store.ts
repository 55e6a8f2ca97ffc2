/** A change that webhooks can ask for: `model_version` `created`. */
export interface WebhookEvent {
  readonly entity: string;
  readonly action: string;
}

/** An address that receives changes of models. */
export interface Webhook {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly isActive: boolean;
  /** Signs deliveries; empty: they are not signed. It is never shown. */
  readonly secret: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A change on its way to a webhook. */
export interface Delivery {
  readonly no: number;
  readonly webhook: string;
  /** JSON of the change. */
  readonly body: string;
  readonly attempts: number;
  /** Epoch ms. */
  readonly dueAt: number;
}

/**
 * Webhooks and what they have not received yet.
 *
 * Rule 15: a change and its deliveries are stored together, whoever makes the change; a delivery is kept until it is finished, whatever process dies; of several processes that take it at once one gets it.
 */
export interface WebhookStore {
  putWebhook(webhook: Webhook): Promise<void>;
  webhook(id: string): Promise<Webhook | null>;
  webhooks(): Promise<readonly Webhook[]>;
  /** Its deliveries go with it. */
  deleteWebhook(id: string): Promise<void>;
  /** The delivery that is due first, postponed until `until`; null: none is due. */
  takeDelivery(now: number, until: number): Promise<Delivery | null>;
  finishDelivery(no: number): Promise<void>;
  retryDelivery(no: number, dueAt: number): Promise<void>;
}
