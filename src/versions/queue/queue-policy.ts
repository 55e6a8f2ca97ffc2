import { type ModelConfig, NO_POLICY, type QueuePolicy } from '../config/model-config.ts';
import type { InferRequest } from '../request/infer-request.ts';
import { refuse } from '../request/refuse.ts';

/** The priority of a request; 1 is served first. Error: OIP_REQUEST. */
export function priorityOf({ batching, name }: ModelConfig, { parameters }: Pick<InferRequest, 'parameters'>): number {
  if (batching === null || batching.priorities === 0) return 1;
  const given = Number(parameters['priority'] ?? 0);
  if (!Number.isSafeInteger(given) || given < 0 || given > batching.priorities)
    throw refuse(`priority must be between 0 and ${batching.priorities} for model '${name}'`);
  return given === 0 ? batching.defaultPriority || batching.priorities : given;
}

/** Until when a request may wait, by its own timeout or that of its queue. Error: OIP_REQUEST. */
export function deadlineOf({ batching }: ModelConfig, { parameters }: InferRequest, priority: number): number {
  const policy: QueuePolicy = batching?.byPriority[priority] ?? batching?.policy ?? NO_POLICY;
  const { timeout } = parameters;
  const ownMs = timeout === undefined ? Number.NaN : Number(timeout) / 1_000;
  if (timeout !== undefined && !(ownMs >= 0)) throw refuse(`timeout '${String(timeout)}' is no number of microseconds`);
  const ms = ownMs > 0 ? ownMs : policy.action === 'reject' ? policy.timeoutMs : 0;
  return ms > 0 ? performance.now() + ms : Number.POSITIVE_INFINITY;
}
