import type { Policy } from '../policy.ts';
import { safetyNet } from './safety-net.ts';
import { evenProgress } from './uniform-progress.ts';

/** Work left by time left, in tenths, from which a deadline is no longer loose (Wu et al., appendix A.8). */
const TIGHT_TENTHS = 7;

/**
 * Greedy while the deadline is loose; from the first tick at which it is not, Uniform Progress that counts from that tick.
 * The switch is kept in the memory of the policy.
 */
export const hybrid: Policy = {
  name: 'hybrid',
  needsFuture: false,
  keepsSpot: true,
  decide: (job, tick, memory) => {
    const { workS, deadlineS } = job;
    if (memory.switchedAtS < 0 && (workS - tick.doneS) * 10 >= TIGHT_TENTHS * (deadlineS - tick.elapsedS)) {
      memory.switchedAtS = tick.elapsedS;
      memory.switchedDoneS = tick.doneS;
    }
    const request =
      memory.switchedAtS < 0
        ? tick.available
          ? 'spot'
          : 'idle'
        : evenProgress(job, tick, memory.switchedAtS, memory.switchedDoneS);
    return safetyNet(job, tick, request);
  },
};
