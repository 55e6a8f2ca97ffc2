import type { ModelData } from '../../features/define/declaration.ts';
import { pipelineBytes, pipelineText } from '../pipeline-answer.ts';
import { predictionBytes, predictionText } from '../prediction-answer.ts';
import type { HotOptions } from '../route.ts';
import type { PredictingProject } from '../served-project.ts';
import { Admission } from './admission.ts';
import { allowedWaitMs, MOST_WAIT_MS } from './hot-features.ts';
import type { HotAnswer } from './hot-route.ts';
import { asciiResponse, binaryResponse, type LeanResponse, textResponse } from './response.ts';
import { TurnTime } from './turn-time.ts';

/** A text goes to the thread of the connections at a fraction of the cost of bytes. */
const ASCII = /^[\0-\x7f]*$/;

/** `POST /v1/predictions/{model}` for each model and each pipeline of a project. One that is turned away counts as one of its service. Hot path. */
export function hotPredictions(
  predicting: PredictingProject,
  { mostWaitMs = MOST_WAIT_MS }: HotOptions,
): readonly HotAnswer[] {
  const turn = new TurnTime();
  const { models, pipelines = [] } = predicting.project;
  return [
    ...models.map((model): HotAnswer => {
      const { p99Ms, service } = model;
      return {
        name: model.name,
        turnsAway: turnsAway(predicting, { p99Ms, service }, turn, mostWaitMs),
        answer: ({ isBinary, timeout }, body, trace, caller, { signal }) => {
          const call = { model, body, timeout, caller, signal, trace };
          if (isBinary) return predictionBytes(predicting, call).then(binaryResponse);
          return predictionText(predicting, call).then(responseOf);
        },
      };
    }),
    ...pipelines.map((pipeline): HotAnswer => {
      const { service } = pipeline;
      return {
        name: pipeline.name,
        turnsAway: turnsAway(predicting, { p99Ms: null, service }, turn, mostWaitMs),
        answer: ({ isBinary, timeout }, body, trace, caller, { signal }) => {
          const call = { pipeline, body, timeout, caller, signal, trace };
          if (isBinary) return pipelineBytes(predicting, call).then(binaryResponse);
          return pipelineText(predicting, call).then(responseOf);
        },
      };
    }),
  ];
}

function responseOf(text: string): LeanResponse {
  return ASCII.test(text) ? asciiResponse(text) : textResponse(text);
}

function turnsAway(
  predicting: PredictingProject,
  of: Pick<ModelData, 'p99Ms' | 'service'>,
  turn: TurnTime,
  mostWaitMs: number,
): () => boolean {
  const admission = new Admission(allowedWaitMs(of, mostWaitMs), mostWaitMs);
  return () => {
    if (admission.admits(turn.look())) return false;
    predicting.turnedAway(of.service);
    return true;
  };
}
