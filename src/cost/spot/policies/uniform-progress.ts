import type { InstanceState, Policy, PolicyJob, PolicyTick } from '../policy.ts';
import { safetyNet } from './safety-net.ts';

/**
 * Progress at the even rate that just meets the deadline: when late, on demand where there is no spot; on demand is left only
 * when the job is ahead by two changeovers (Wu et al., "Can't Be Late", NSDI 2024).
 */
export const uniformProgress: Policy = {
  name: 'uniform_progress',
  needsFuture: false,
  keepsSpot: true,
  decide: (job, tick) => safetyNet(job, tick, evenProgress(job, tick, 0, 0)),
};

/** The rule without its safety net, for progress that is counted from `fromS` and `fromDoneS`. Whole numbers only. */
export function evenProgress(job: PolicyJob, tick: PolicyTick, fromS: number, fromDoneS: number): InstanceState {
  const { available, state } = tick;
  const work = job.workS - fromDoneS;
  const time = job.deadlineS - fromS;
  const done = (tick.doneS - fromDoneS) * time;
  const elapsed = tick.elapsedS - fromS;
  const request = available ? 'spot' : done < elapsed * work ? 'on_demand' : 'idle';
  if (state !== 'on_demand') return request;
  return !available || done <= (elapsed + 2 * job.changeoverS) * work ? 'on_demand' : request;
}
