import { parseJob } from '../../cost/plan/job.ts';

/** Nodes of eight GPUs each. */
export const NODES = 4;
const GPUS_PER_NODE = 8;

/** The hours that the job takes now. */
export const HOURS = 8;

/** List prices of a node and an hour, USD: p4d.24xlarge in us-east-1, from the public catalogue of SkyPilot, late 2026. */
export const PRICE = { onDemand: 21.957642, spot: 6.289 } as const;

/** The bill of a run that takes as many hours on demand, USD. */
export function billUsd(hours: number): number {
  return hours * NODES * PRICE.onDemand;
}

/** The job of the question, as `job.json` describes one. */
export const job = parseJob({
  version: 1,
  name: 'resnet50',
  hours: HOURS,
  gpus: NODES * GPUS_PER_NODE,
  gpusPerNode: GPUS_PER_NODE,
  accelerator: 'A100-80GB',
  onDemandUsd: PRICE.onDemand,
  spotUsd: PRICE.spot,
});
