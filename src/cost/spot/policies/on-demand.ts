import type { Policy } from '../policy.ts';

/** Always on demand: the cost that savings are compared with. */
export const onDemand: Policy = {
  name: 'on_demand',
  needsFuture: false,
  keepsSpot: false,
  decide: () => 'on_demand',
};
