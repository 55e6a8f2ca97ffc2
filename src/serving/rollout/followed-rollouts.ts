import { reasonOf } from '../../base/reason-of.ts';
import type { CallLanes, CallLanesOptions } from './call-lanes.ts';
import type { Place } from './evidence.ts';
import type { RolloutLanes } from './rollout-lanes.ts';

export interface FollowedRolloutsOptions extends Pick<CallLanesOptions, 'model' | 'store' | 'onFault'> {
  /** Name of this process: its evidence is kept under it. */
  readonly process: string;
}

/** The rollouts of one model in a process that serves it: the lanes that requests take, and what became of them. */
export class FollowedRollouts<L extends CallLanes = RolloutLanes> {
  readonly data: FollowedRolloutsOptions['model'];
  readonly lanes: L;
  /** Why the last tick did not end; null: it did. */
  trouble: string | null = null;
  readonly #options: FollowedRolloutsOptions;
  /** Evidence as it was last stored. */
  #stored = '';

  constructor(lanes: L, options: FollowedRolloutsOptions) {
    this.#options = options;
    this.data = options.model;
    this.lanes = lanes;
  }

  /** Follows the stored rollout. Call it some times a second in a process that serves. Errors: those of the store. */
  follow(): Promise<void> {
    return this.lanes.follow();
  }

  /** Follows, and stores the evidence of this process. A failure is reported once, and retried at the next call. */
  async tick(): Promise<void> {
    try {
      await this.follow();
      await this.observe();
      await this.decide();
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
    const { process: name } = this.#options;
    const place: Place = { kind: 'online', name, output: null, computeMs: null, trouble: null };
    const evidence = { ...this.lanes.evidence(), place };
    const text = `${rollout.id} ${JSON.stringify(evidence)}`;
    if (text === this.#stored) return;
    await this.#options.store.observe(rollout.id, name, evidence);
    this.#stored = text;
  }

  async close(): Promise<void> {
    await this.observe().catch(this.#options.onFault);
    await this.lanes.close();
  }

  /** Nothing: another process decides. */
  protected async decide(): Promise<void> {}
}
