import type { InstanceState, PolicyJob, PolicyTick } from '../policy.ts';

/**
 * The rule that keeps the deadline: the last moment at which on-demand instances still finish in time (Wu et al., "Can't Be
 * Late", NSDI 2024). Times are rounded to ticks, the remaining time down, the needed time up.
 */
export function safetyNet(job: PolicyJob, tick: PolicyTick, request: InstanceState): InstanceState {
  const { gapS, changeoverS } = job;
  const left = job.workS - tick.doneS;
  // Far from the deadline: rounding moves each side by less than a tick.
  if (job.deadlineS - tick.elapsedS - left - 2 * changeoverS >= 2 * gapS) return request;
  const remaining = Math.floor((job.deadlineS - tick.elapsedS) / gapS) * gapS;
  const oneStart = Math.ceil((left + changeoverS) / gapS) * gapS;
  if (oneStart >= remaining) {
    if (tick.state === 'spot' && tick.changeoverLeftS === 0) return 'spot';
    return changeoverS === 0 && tick.available ? 'spot' : 'on_demand';
  }
  const twoStarts = Math.ceil((left + 2 * changeoverS) / gapS) * gapS;
  return twoStarts >= remaining && tick.state !== 'spot' ? 'on_demand' : request;
}
