import type { InferRequest } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';
import type { ModelHostOptions } from '../oip/model-host.ts';
import type { PredictedModel } from '../online/predicted-model.ts';
import { mustBeLoggable } from '../online/prediction-log.ts';
import { ID_PARAMETER, tensorPrediction } from '../online/tensor-prediction.ts';
import { inferLane } from '../rollout/infer-lanes.ts';
import type { HostRollouts } from './host-rollouts.ts';

/** The part of a project's models in requests of tensors: the lanes of rollouts, and logged predictions. */
export type TensorHooks = Required<Pick<ModelHostOptions, 'laneOf' | 'log' | 'checkLog'>>;

/**
 * The hooks of the models that a project has, by name (undefined: it has none of that name), and of the others that its host has, which
 * are rolled out, and whose predictions are not logged.
 */
export function tensorHooks(
  named: (model: string) => Pick<PredictedModel, 'rollouts' | 'log'> | undefined,
  hosted: Pick<HostRollouts, 'lanes'>,
  clock: () => number,
): TensorHooks {
  return {
    laneOf: (request) => {
      const lanes = named(request.model)?.rollouts.lanes ?? hosted.lanes(request.model);
      return lanes === undefined ? null : inferLane(lanes, request);
    },
    log: (request, reply) => {
      const prediction = tensorPrediction(request, reply, clock());
      if (prediction === null) return null;
      const open = named(request.model);
      if (open === undefined) throw notOfProject();
      mustBeLoggable(request.model, prediction.id);
      return open.log.append([prediction]);
    },
    checkLog: ({ model, parameters }) => {
      if (parameters[ID_PARAMETER] !== undefined && named(model) === undefined) throw notOfProject();
    },
  };
}

/** Refuses a tensor request that names its id, in a process without a way to the log. Error: OIP_REQUEST. */
export function mustNotBeLogged({ parameters }: InferRequest): void {
  if (parameters[ID_PARAMETER] !== undefined)
    throw refuse(`parameter '${ID_PARAMETER}' is for servers that log predictions, and this one only reads`);
}

function notOfProject() {
  return refuse(`parameter '${ID_PARAMETER}' is for the models of the project`);
}
