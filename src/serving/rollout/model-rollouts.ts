import { reasonOf } from '../../base/reason-of.ts';
import type { Clock } from '../../base/time.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { Rollout, RolloutStore } from '../../ports/rollout-store.ts';
import { RolloutControl } from './rollout-control.ts';
import type { RolloutHooks } from './rollout-hooks.ts';
import { type LaneServer, RolloutLanes, type RolloutLanesOptions } from './rollout-lanes.ts';
import type { Outcomes } from './success.ts';

export interface ModelRolloutsOptions {
  readonly model: ModelData;
  readonly store: RolloutStore;
  readonly registry: ModelRegistry;
  readonly hooks: RolloutHooks;
  readonly server: LaneServer & { check(version: number): Promise<void> };
  readonly outcomes: (rollout: Rollout) => Promise<Outcomes>;
  readonly shadowed: RolloutLanesOptions['shadowed'];
  /** Name of this process: its evidence is kept under it. */
  readonly process: string;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly onFault: (error: unknown) => void;
}

/** The rollouts of one model in one process: the lanes that requests take, and the control that decides. */
export class ModelRollouts {
  readonly data: ModelData;
  readonly lanes: RolloutLanes;
  readonly control: RolloutControl;
  /** Why the last tick did not end; null: it did. */
  trouble: string | null = null;
  readonly #options: ModelRolloutsOptions;
  /** Evidence as it was last stored. */
  #stored = '';

  constructor(options: ModelRolloutsOptions) {
    const { server, outcomes } = options;
    this.#options = options;
    this.data = options.model;
    this.lanes = new RolloutLanes(options);
    this.control = new RolloutControl({
      ...options,
      outcomes,
      check: (version) => server.check(version),
      unloadable: (rollout) => this.lanes.unloadable(rollout),
      changed: () => this.lanes.follow(),
      settled: () => this.lanes.settled(),
    });
  }

  /** Follows the stored rollout. Call it some times a second in a process that serves. Errors: those of the store. */
  follow(): Promise<void> {
    return this.lanes.follow();
  }

  /** Stores the evidence of this process, judges and acts. A failure is reported once, and retried at the next call. */
  async tick(): Promise<void> {
    try {
      await this.follow();
      await this.observe();
      await this.control.look();
      this.trouble = null;
    } catch (error) {
      const trouble = reasonOf(error);
      if (trouble !== this.trouble) this.#options.onFault(error);
      this.trouble = trouble;
    }
  }

  /** Stores what this process saw, where there is something new. Errors: those of the store. */
  async observe(): Promise<void> {
    const { rollout } = this.lanes;
    if (rollout === null) return;
    const evidence = this.lanes.evidence();
    const text = `${rollout.id} ${JSON.stringify(evidence)}`;
    if (text === this.#stored) return;
    await this.#options.store.observe(rollout.id, this.#options.process, evidence);
    this.#stored = text;
  }

  async close(): Promise<void> {
    await this.observe().catch(this.#options.onFault);
    await this.lanes.close();
  }
}
