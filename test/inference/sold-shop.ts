import { soldProject } from '../rollouts/sold-project.ts';

/** A shop whose model has a shadow first: guardrails alone decide. */
export const soldShop = soldProject({
  key: 'name',
  shadow: '1s',
  steps: [50],
  requests: 100,
  every: '1s',
  guardrails: { range: [0, 1] },
  success: false,
});

export const [sold] = soldShop.models;
