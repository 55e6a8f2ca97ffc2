import type { Policy } from '../policy.ts';

/** Spot whenever it is available, otherwise nothing. It knows no deadline. */
export const spotOnly: Policy = {
  name: 'spot_only',
  needsFuture: false,
  keepsSpot: true,
  decide: (_job, { available }) => (available ? 'spot' : 'idle'),
};
