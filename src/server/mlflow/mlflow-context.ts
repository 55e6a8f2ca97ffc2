import { randomBytes } from 'node:crypto';
import { turnsInOrder } from '../../base/in-turn.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import { checkWebhookUrl } from '../../registry/webhooks/allowed-url.ts';
import { deliverDue, post } from '../../registry/webhooks/deliver.ts';
import type { MlflowContext } from './mlflow-route.ts';

export interface MlflowContextOptions {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly clock: () => number;
  /** Beginnings of addresses that webhooks may have. */
  readonly webhooks: readonly string[];
  readonly checkPromotion: MlflowContext['checkPromotion'];
  readonly onFault: (error: unknown) => void;
}

/** The context of the routes, and the deliveries to webhooks that it starts. */
export interface OpenMlflowContext extends MlflowContext {
  /** Delivers everything that is due; one delivery at a time. */
  deliver(): Promise<void>;
}

/** The context of the routes, over a registry and its artefacts. */
export function openMlflowContext(options: MlflowContextOptions): OpenMlflowContext {
  const { registry, artifacts, clock, webhooks: allowed, checkPromotion, onFault } = options;
  const sending = { allowed, clock, onFault };
  const inTurn = turnsInOrder();
  const deliver = () => inTurn(async () => void (await deliverDue(registry, sending))).catch(onFault);
  return {
    registry,
    artifacts,
    clock,
    checkPromotion,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    checkWebhook: (url) => checkWebhookUrl(url, allowed),
    testWebhook: (webhook, { entity, action }) => {
      const body = JSON.stringify({ entity, action, timestamp: new Date(clock()).toISOString(), data: { test: true } });
      return post(webhook, body, sending);
    },
    deliver,
  };
}
