import type { RolledModel } from '../../features/define/rollout.ts';
import type { RolloutStore } from '../../ports/rollout-store.ts';
import type { RolloutHooks } from './rollout-hooks.ts';

interface EventDeliveriesOptions {
  readonly model: RolledModel;
  readonly store: RolloutStore;
  readonly hooks: RolloutHooks;
  readonly monotonic: () => number;
}

/** Sends the events of a model's rollouts to its hook, in their order. */
export class EventDeliveries {
  readonly #options: EventDeliveriesOptions;
  readonly #againMs: number;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** An event that was not accepted is sent again after `againMs`. */
  constructor(options: EventDeliveriesOptions, againMs: number) {
    this.#options = options;
    this.#againMs = againMs;
  }

  /** Sends waiting events, up to the first one that is not accepted. */
  async deliver(): Promise<void> {
    const { store, hooks, model, monotonic } = this.#options;
    if (model.rollout['events'] === undefined || monotonic() - this.#failedAt < this.#againMs) return;
    const rollouts = await store.list(model.name);
    for (const event of await store.undelivered(model.name)) {
      const rollout = rollouts.find(({ id }) => id === event.rollout);
      if (rollout === undefined) continue;
      try {
        await hooks.emit(rollout, event);
      } catch {
        this.#failedAt = monotonic();
        return;
      }
      await store.delivered(event.rollout, event.revision);
    }
  }
}
