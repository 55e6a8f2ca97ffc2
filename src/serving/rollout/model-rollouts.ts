import type { Clock } from '../../base/time.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { FollowedRollouts, type FollowedRolloutsOptions } from './followed-rollouts.ts';
import { RolloutControl } from './rollout-control.ts';
import type { RolloutHooks } from './rollout-hooks.ts';
import type { LaneServer } from './rollout-lanes.ts';
import type { RecentCalls } from './rollout-needs.ts';
import type { Outcomes } from './success.ts';

export interface ModelRolloutsOptions extends FollowedRolloutsOptions {
  readonly registry: ModelRegistry;
  readonly hooks: RolloutHooks;
  readonly server: LaneServer & { check(version: number): Promise<void> };
  readonly outcomes: (rollout: Rollout) => Promise<Outcomes>;
  readonly recent: (rollout: Rollout) => Promise<RecentCalls>;
  /** Called after each change that this process made; the change waits for it. */
  readonly changed?: () => Promise<void>;
  readonly newId: () => string;
  readonly clock: Clock;
}

/** The rollouts of one model in the process that decides over them: the lanes that requests take, and the control. */
export class ModelRollouts extends FollowedRollouts {
  readonly control: RolloutControl;

  constructor(options: ModelRolloutsOptions) {
    super(options);
    const { server, outcomes, changed } = options;
    this.control = new RolloutControl({
      ...options,
      outcomes,
      check: (version) => server.check(version),
      unloadable: (rollout) => this.lanes.unloadable(rollout),
      changed: async () => {
        await this.lanes.follow();
        await changed?.();
      },
      settled: () => this.lanes.settled(),
    });
  }

  /** Judges and acts. */
  protected override decide(): Promise<void> {
    return this.control.look();
  }
}
