import type { InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';
import type { NewPrediction, RolloutLane } from './prediction.ts';

/** The parameter of a tensor request that names the prediction: its label will name it too. */
export const ID_PARAMETER = 'headrace_id';

/** The prediction of a tensor request of one row; null: the request names none. Error: OIP_REQUEST. */
export function tensorPrediction(request: InferRequest, reply: InferReply, at: number): NewPrediction | null {
  const id = request.parameters[ID_PARAMETER];
  if (id === undefined) return null;
  const scores = reply.outputs.filter(({ type, data }) => (type === 'FP32' || type === 'FP64') && data.length === 1);
  if (scores.length !== 1) throw refuse(`parameter '${ID_PARAMETER}' needs a request of one row with one score`);
  const [{ data }] = scores;
  const lane = laneOf(reply);
  return {
    id: String(id),
    version: Number(reply.version),
    score: Number(data[0]),
    at,
    ages: { streaming: null, batch: null },
    missing: missingIn(request),
    ...(lane === null ? {} : { lane }),
  };
}

function laneOf({ lane }: InferReply): RolloutLane | null {
  if (lane?.cohort === 'canary' || lane?.cohort === 'baseline')
    return { id: lane.rollout, lane: lane.cohort, group: lane.group };
  return null;
}

/** Features that are missing: NaN in an input of floats. */
export function missingIn({ inputs }: InferRequest): number {
  let missing = 0;
  for (const { type, data } of inputs)
    if (type === 'FP32' || type === 'FP64') for (const value of data) if (Number.isNaN(value)) missing += 1;
  return missing;
}
