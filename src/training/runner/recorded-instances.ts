import { firstMemory, type InstanceState, type Policy, type PolicyJob } from '../../cost/spot/policy.ts';
import type { SpotTrace } from '../../cost/spot/trace/spot-trace.ts';
import type { PlacedProgress, Placement, PlacementNews, Placer } from './placer.ts';

export interface RecordedOptions {
  readonly trace: SpotTrace;
  /** Tick of the recording at which the run begins. */
  readonly startTick: number;
  /** Instances of the gang. */
  readonly nodes: number;
  readonly job: PolicyJob;
  readonly policy: Policy;
  /** Prices of a node and an hour. */
  readonly spotPrice: number;
  readonly onDemandPrice: number;
  /** Seconds of the recording in a second of this machine. */
  readonly speed: number;
  /** Notice before an instance is taken, s of the recording; 0: none. */
  readonly noticeS: number;
}

/**
 * Instances as a recording had them, replayed in fast time. The policy is the function that the simulator runs; it decides at each
 * tick of the recording. After the end of the recording the last tick stands.
 */
export class RecordedInstances implements Placer {
  readonly speed: number;
  readonly #options: RecordedOptions;
  readonly #memory = firstMemory();
  #state: InstanceState = 'idle';
  #decidedAt = -1;
  #decision: InstanceState = 'idle';

  constructor(options: RecordedOptions) {
    this.#options = options;
    this.speed = options.speed;
  }

  place(progress: PlacedProgress): Placement | null {
    this.#state = 'idle';
    this.#decide(progress, true);
    const asked = this.#decision;
    if (asked === 'idle' || (asked === 'spot' && !this.#available(progress.elapsedS))) return null;
    this.#state = asked;
    const { nodes, spotPrice, onDemandPrice } = this.#options;
    return { name: asked, pricePerHour: nodes * (asked === 'spot' ? spotPrice : onDemandPrice) };
  }

  look(progress: PlacedProgress): PlacementNews {
    const { noticeS } = this.#options;
    if (this.#state === 'spot') {
      if (!this.#available(progress.elapsedS)) return 'gone';
      if (noticeS > 0 && !this.#available(progress.elapsedS + noticeS)) return 'notice';
    }
    this.#decide(progress, false);
    const moves = this.#decision !== this.#state && (this.#decision !== 'spot' || this.#available(progress.elapsedS));
    return moves ? 'leave' : 'keep';
  }

  memory(): Readonly<Record<string, number | string>> {
    return { ...this.#memory, state: this.#state };
  }

  restore({ switchedAtS, switchedDoneS }: Readonly<Record<string, unknown>>): void {
    this.#memory.switchedAtS = Number(switchedAtS ?? -1);
    this.#memory.switchedDoneS = Number(switchedDoneS ?? 0);
  }

  /** Decides once a tick, and at each start. */
  #decide(progress: PlacedProgress, now: boolean): void {
    const { job, policy } = this.#options;
    const tick = Math.floor(progress.elapsedS / job.gapS);
    if (!now && tick === this.#decidedAt) return;
    this.#decidedAt = tick;
    const { elapsedS, step, targetSteps, attemptS, running } = progress;
    const left = this.#state === 'idle' ? 0 : Math.max(0, job.changeoverS - Math.floor(attemptS));
    this.#decision = policy.decide(
      job,
      {
        elapsedS: Math.floor(elapsedS),
        doneS: Math.floor((job.workS * step) / targetSteps),
        available: this.#available(elapsedS),
        state: this.#state,
        changeoverLeftS: running ? 0 : left,
        lifetimeS: 0,
      },
      this.#memory,
    );
  }

  #available(elapsedS: number): boolean {
    const { trace, startTick, nodes } = this.#options;
    const tick = Math.min(trace.counts.length - 1, startTick + Math.floor(elapsedS / trace.gapS));
    return (trace.counts[tick] ?? 0) >= nodes;
  }
}
