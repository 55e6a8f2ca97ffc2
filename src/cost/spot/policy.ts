/** The state of a job: on nothing, interruptible instances, or instances that the provider does not take away. */
export type InstanceState = 'idle' | 'spot' | 'on_demand';

/** The job that a policy has to finish in time. Whole seconds. */
export interface PolicyJob {
  /** Work from the start to the end, without changeovers. */
  readonly workS: number;
  /** Time from the start until the job must be finished. */
  readonly deadlineS: number;
  /** Time between two decisions. */
  readonly gapS: number;
  /** Time without progress after each start on spot or on demand: provision, set-up, load, expected lost work. */
  readonly changeoverS: number;
  /** Price on demand divided by the price of spot; for policies that compare prices. */
  readonly priceRatio: number;
}

/** The moment at which a policy decides: what a simulator and a runner both know. Whole seconds. */
export interface PolicyTick {
  readonly elapsedS: number;
  readonly doneS: number;
  /** Whether all spot instances of the gang can be used now. */
  readonly available: boolean;
  /** The state up to now; idle where the spot instances have just been taken away. */
  readonly state: InstanceState;
  /** Changeover that is still to pay before work continues. */
  readonly changeoverLeftS: number;
  /** How long spot stays available from now on; only an oracle reads it, and a runner cannot know it. */
  readonly lifetimeS: number;
}

/** The memory of a policy between its decisions: plain data, so that a runner can write it to its journal. */
export interface PolicyMemory {
  /** When the policy changed its rule, and the work done by then; −1 before. */
  switchedAtS: number;
  switchedDoneS: number;
}

/**
 * Chooses where a job runs. The one function for the simulator and the runner: the same ticks give the same states.
 * `decide` may change `memory`, and nothing else.
 */
export interface Policy {
  readonly name: string;
  /** It reads `lifetimeS`: only a simulator can run it. */
  readonly needsFuture: boolean;
  /** On spot, after its changeover, it stays there while spot is available: a simulator may skip these decisions. */
  readonly keepsSpot: boolean;
  readonly decide: (job: PolicyJob, tick: PolicyTick, memory: PolicyMemory) => InstanceState;
}

/** The memory of a policy before its first decision. */
export function firstMemory(): PolicyMemory {
  return { switchedAtS: -1, switchedDoneS: 0 };
}
