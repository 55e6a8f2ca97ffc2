import type { CallLanes } from './call-lanes.ts';
import { FollowedRollouts, type FollowedRolloutsOptions } from './followed-rollouts.ts';
import { RolloutControl, type RolloutControlOptions } from './rollout-control.ts';
import type { RolloutLanes } from './rollout-lanes.ts';

type OfLanes = 'unloadable' | 'changed' | 'settled';

export interface ModelRolloutsOptions extends FollowedRolloutsOptions, Omit<RolloutControlOptions, OfLanes | 'model'> {
  readonly model: RolloutControlOptions['model'];
  /** Called after each change that this process made; the change waits for it. */
  readonly changed?: () => Promise<void>;
}

/** The rollouts of one model in the process that decides over them: the lanes that requests take, and the control. */
export class ModelRollouts<L extends CallLanes = RolloutLanes> extends FollowedRollouts<L> {
  readonly control: RolloutControl;

  constructor(lanes: L, options: ModelRolloutsOptions) {
    super(lanes, options);
    this.control = new RolloutControl({
      ...options,
      unloadable: (rollout) => lanes.unloadable(rollout),
      changed: async () => {
        await lanes.follow();
        await options.changed?.();
      },
      settled: () => lanes.settled(),
    });
  }

  /** Judges and acts. */
  protected override decide(): Promise<void> {
    return this.control.look();
  }
}
