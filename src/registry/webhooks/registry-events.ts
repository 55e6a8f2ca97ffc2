import type { WebhookStore } from '../../ports/webhook-store.ts';

/** Tells webhooks of changes. */
export interface RegistryEvents {
  /** Keeps the change for every active webhook that asked for it, so that it is delivered whatever happens to the process. */
  send(entity: string, action: string, data: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Events that go to the webhooks of a registry; `wake` starts a delivery. */
export function registryEvents(registry: WebhookStore, clock: () => number, wake: () => void): RegistryEvents {
  return {
    send: async (entity, action, data) => {
      const webhooks = await registry.webhooks();
      const asked = webhooks.filter(
        ({ isActive, events }) =>
          isActive && events.some((event) => event.entity === entity && event.action === action),
      );
      if (asked.length === 0) return;
      const now = clock();
      const body = JSON.stringify({ entity, action, timestamp: new Date(now).toISOString(), data });
      await registry.addDeliveries(
        asked.map(({ id }) => id),
        body,
        now,
      );
      wake();
    },
  };
}
