import type { InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';
import type { PredictedModel } from '../online/predicted-model.ts';
import { mustBeLoggable } from '../online/prediction-log.ts';
import { ID_PARAMETER, tensorPrediction } from '../online/tensor-prediction.ts';
import { type InferLane, inferLane } from '../rollout/infer-lanes.ts';

type Named = (model: string) => Pick<PredictedModel, 'rollouts' | 'log'> | undefined;

/** The lane of a tensor request during a rollout of its model; null: there is none, or the model is not of the project. */
export function laneOfTensors(named: Named, request: InferRequest): InferLane | null {
  const open = named(request.model);
  return open === undefined ? null : inferLane(open.rollouts.lanes, request);
}

/**
 * Logs the prediction of a tensor request that names its id, as durably as an event; null: it names none. Errors:
 * OIP_REQUEST, PREDICTION_VALUE, those of the log.
 */
export function logTensors(
  named: Named,
  request: InferRequest,
  reply: InferReply,
  clock: () => number,
): Promise<unknown> | null {
  const prediction = tensorPrediction(request, reply, clock());
  if (prediction === null) return null;
  const open = named(request.model);
  if (open === undefined) throw notOfProject();
  mustBeLoggable(request.model, prediction.id);
  return open.log.append([prediction]);
}

/** Refuses a tensor request that names its id, of a model that has no log. Error: OIP_REQUEST. */
export function mustHaveLog(named: Named, { model, parameters }: InferRequest): void {
  if (parameters[ID_PARAMETER] !== undefined && named(model) === undefined) throw notOfProject();
}

/** Refuses a tensor request that names its id, in a process without a way to the log. Error: OIP_REQUEST. */
export function mustNotBeLogged({ parameters }: InferRequest): void {
  if (parameters[ID_PARAMETER] !== undefined)
    throw refuse(`parameter '${ID_PARAMETER}' is for servers that log predictions, and this one only reads`);
}

function notOfProject() {
  return refuse(`parameter '${ID_PARAMETER}' is for the models of the project`);
}
