// Hot path: one call a window, no allocation a tick.
import { firstMemory, type InstanceState, type Policy, type PolicyJob, type PolicyTick } from './policy.ts';

/** The outcome of one window. Ticks are paid whole. */
export interface WindowResult {
  /** The tick at which the job was finished; −1 where the window ended first. */
  readonly finishTick: number;
  /** Work that is done, s. */
  readonly doneS: number;
  readonly spotTicks: number;
  readonly onDemandTicks: number;
  readonly starts: number;
  readonly preemptions: number;
  /** Spot nodes paid in ticks on demand, summed over ticks; only of mixed gangs. */
  readonly mixedSpotNodeTicks: number;
}

/** One decision, for a log of a window. Seconds. */
export interface WindowStep {
  readonly tick: number;
  readonly elapsedS: number;
  readonly available: boolean;
  readonly stateBefore: InstanceState;
  readonly preempted: boolean;
  readonly workS: number;
  readonly doneS: number;
  readonly decision: InstanceState;
  readonly changeoverLeftS: number;
  readonly spotTicks: number;
  readonly onDemandTicks: number;
}

export interface WindowOptions {
  /** Instances available in each tick. */
  readonly counts: Uint16Array;
  /** The first tick of the window, and the tick after its last. */
  readonly from: number;
  readonly to: number;
  /** Instances that the gang needs: fewer are none. */
  readonly nodes: number;
  readonly job: PolicyJob;
  readonly policy: Policy;
  /** For each tick the tick at which its up period ends: for policies that need the future, and to skip decisions that keep spot. */
  readonly upUntil?: Uint32Array;
  /** Whether a start on demand succeeds; without it, always. */
  readonly provides?: () => boolean;
  /** A gang on demand keeps the spot nodes that there are, and is lost when one of them goes. */
  readonly mixed?: boolean;
  readonly log?: (step: WindowStep) => void;
}

/**
 * Runs a job over a window of a trace (tick loop of the authors' simulator, Wu et al., NSDI 2024; in whole seconds, because
 * 48 / 0.9 · 3600 in doubles loses a tick). The tick before a preemption counts in full; cost stops at the finish.
 */
export function runWindow(options: WindowOptions): WindowResult {
  const { counts, from, to, nodes, job, policy, upUntil, provides, mixed = false, log } = options;
  const { workS, gapS, changeoverS } = job;
  const memory = firstMemory();
  const tick: { -readonly [Name in keyof PolicyTick]: PolicyTick[Name] } = {
    elapsedS: 0,
    doneS: 0,
    available: false,
    state: 'idle',
    changeoverLeftS: 0,
    lifetimeS: 0,
  };
  const skips = policy.keepsSpot && upUntil !== undefined && log === undefined;
  let [spotTicks, onDemandTicks, starts, preemptions, mixedSpotNodeTicks, spotNodes] = [0, 0, 0, 0, 0, 0];
  for (let at = from; at < to; at += 1) {
    const before = tick.state;
    const count = counts[at] ?? 0;
    tick.available = count >= nodes;
    let work = 0;
    if (before !== 'idle') {
      if (before === 'spot') spotTicks += 1;
      else {
        onDemandTicks += 1;
        mixedSpotNodeTicks += spotNodes;
      }
      work = Math.max(gapS - tick.changeoverLeftS, 0);
      tick.changeoverLeftS -= gapS - work;
      work = Math.min(work, workS - tick.doneS);
      tick.doneS += work;
    }
    const lost = (before === 'spot' && !tick.available) || (before === 'on_demand' && count < spotNodes);
    tick.elapsedS = (at - from) * gapS;
    if (tick.doneS >= workS)
      return { finishTick: at - from, doneS: workS, spotTicks, onDemandTicks, starts, preemptions, mixedSpotNodeTicks };
    if (lost) {
      tick.state = 'idle';
      preemptions += 1;
    }
    if (upUntil !== undefined) tick.lifetimeS = tick.available ? ((upUntil[at] ?? at) - at) * gapS : 0;
    let request = policy.decide(job, tick, memory);
    if (request === 'spot' && !tick.available) request = 'idle';
    if (request === 'on_demand' && tick.state !== 'on_demand' && provides?.() === false) request = tick.state;
    if (request !== 'idle' && request !== tick.state) {
      tick.changeoverLeftS = changeoverS;
      starts += 1;
      if (mixed) spotNodes = request === 'on_demand' ? Math.min(count, nodes - 1) : 0;
    }
    tick.state = request;
    if (request !== 'on_demand') spotNodes = 0;
    if (request === 'spot' && skips && tick.changeoverLeftS === 0) {
      // The ticks in which nothing changes: to the end of the up period, or to the finish.
      const until = Math.min(upUntil?.[at] ?? at, at + Math.ceil((workS - tick.doneS) / gapS), to);
      const skipped = Math.max(0, until - at - 1);
      spotTicks += skipped;
      tick.doneS += skipped * gapS;
      at += skipped;
    }
    log?.({
      tick: at - from,
      elapsedS: tick.elapsedS,
      available: tick.available,
      stateBefore: before,
      preempted: lost,
      workS: work,
      doneS: tick.doneS,
      decision: request,
      changeoverLeftS: tick.changeoverLeftS,
      spotTicks,
      onDemandTicks,
    });
  }
  return { finishTick: -1, doneS: tick.doneS, spotTicks, onDemandTicks, starts, preemptions, mixedSpotNodeTicks };
}
