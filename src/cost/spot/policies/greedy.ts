import type { Policy } from '../policy.ts';
import { safetyNet } from './safety-net.ts';

/** Spot whenever it is available, until the safety net switches to on demand. */
export const greedy: Policy = {
  name: 'greedy',
  needsFuture: false,
  keepsSpot: true,
  decide: (job, tick) => safetyNet(job, tick, tick.available ? 'spot' : 'idle'),
};
