import { firstMemory, type InstanceState, type Policy, type PolicyJob } from '../../cost/spot/policy.ts';
import type { PlacedProgress, Placement, PlacementNews, Placer } from './placer.ts';

export interface TriedSpotOptions {
  readonly job: PolicyJob;
  readonly policy: Policy;
  /** Prices of an hour of the gang. */
  readonly spotPrice: number;
  readonly onDemandPrice: number;
  /** Seconds of the policy's clock in a second of this machine. */
  readonly speed: number;
  /** Seconds after which absent spot instances count as available again, until a gang waits for them. */
  readonly retryS: number;
}

/**
 * Spot instances of a provider that does not say whether it has any: a gang that waits for them says no. The policy, the function of
 * the simulator, decides once a tick. Where it chooses to wait, the gang waits for spot, which costs nothing.
 */
export class TriedSpot implements Placer {
  readonly speed: number;
  readonly #options: TriedSpotOptions;
  readonly #memory = firstMemory();
  #state: InstanceState = 'idle';
  /** When a gang waited for spot last; −1: none has. */
  #refusedAtS = -1;
  #decidedAt = -1;
  #decision: InstanceState = 'idle';

  constructor(options: TriedSpotOptions) {
    this.#options = options;
    this.speed = options.speed;
  }

  place(progress: PlacedProgress): Placement {
    const { spotPrice, onDemandPrice } = this.#options;
    this.#state = 'idle';
    this.#decide(progress, true);
    this.#state = this.#decision === 'on_demand' ? 'on_demand' : 'spot';
    return { name: this.#state, pricePerHour: this.#state === 'spot' ? spotPrice : onDemandPrice };
  }

  look(progress: PlacedProgress): PlacementNews {
    if (this.#state === 'spot' && progress.waits) this.#refusedAtS = Math.floor(progress.elapsedS);
    this.#decide(progress, false);
    const asked = this.#decision === 'idle' ? this.#state : this.#decision;
    return asked === this.#state ? 'keep' : 'leave';
  }

  memory(): Readonly<Record<string, number | string>> {
    return { ...this.#memory, state: this.#state, refusedAtS: this.#refusedAtS };
  }

  restore({ switchedAtS, switchedDoneS, refusedAtS }: Readonly<Record<string, unknown>>): void {
    this.#memory.switchedAtS = Number(switchedAtS ?? -1);
    this.#memory.switchedDoneS = Number(switchedDoneS ?? 0);
    this.#refusedAtS = Number(refusedAtS ?? -1);
  }

  /** Decides once a tick, and at each start. */
  #decide(progress: PlacedProgress, now: boolean): void {
    const { job, policy } = this.#options;
    const tick = Math.floor(progress.elapsedS / job.gapS);
    if (!now && tick === this.#decidedAt) return;
    this.#decidedAt = tick;
    const { elapsedS, step, targetSteps, attemptS, running, waits } = progress;
    // A gang that waits for spot holds nothing.
    const state = this.#state === 'spot' && waits ? 'idle' : this.#state;
    const left = state === 'idle' ? 0 : Math.max(0, job.changeoverS - Math.floor(attemptS));
    this.#decision = policy.decide(
      job,
      {
        elapsedS: Math.floor(elapsedS),
        doneS: Math.floor((job.workS * step) / targetSteps),
        available: this.#available(progress),
        state,
        changeoverLeftS: running ? 0 : left,
        lifetimeS: 0,
      },
      this.#memory,
    );
  }

  #available({ elapsedS, waits }: PlacedProgress): boolean {
    if (this.#state === 'spot') return !waits;
    return this.#refusedAtS < 0 || elapsedS - this.#refusedAtS >= this.#options.retryS;
  }
}
