import type { ModelData } from '../../features/define/declaration.ts';
import { predictionBytes, predictionText } from '../prediction-answer.ts';
import type { HotOptions } from '../route.ts';
import type { PredictingProject } from '../served-project.ts';
import { Admission } from './admission.ts';
import { allowedWaitMs, MOST_WAIT_MS } from './hot-features.ts';
import type { HotAnswer } from './hot-route.ts';
import { asciiResponse, binaryResponse, textResponse } from './response.ts';
import { TurnTime } from './turn-time.ts';

/** A text goes to the thread of the connections at a fraction of the cost of bytes. */
const ASCII = /^[\0-\x7f]*$/;

/** `POST /v1/predictions/{model}` for each model of a project. One that is turned away counts as one of the model's service. Hot path. */
export function hotPredictions(
  predicting: PredictingProject,
  { mostWaitMs = MOST_WAIT_MS }: HotOptions,
): readonly HotAnswer[] {
  const turn = new TurnTime();
  return predicting.project.models.map((model) => ({
    name: model.name,
    turnsAway: turnsAway(predicting, model, turn, mostWaitMs),
    answer: async ({ isBinary, timeout }, body, trace) => {
      const call = { model, body, timeout, trace };
      if (isBinary) return binaryResponse(await predictionBytes(predicting, call));
      const text = await predictionText(predicting, call);
      return ASCII.test(text) ? asciiResponse(text) : textResponse(text);
    },
  }));
}

function turnsAway(predicting: PredictingProject, model: ModelData, turn: TurnTime, mostWaitMs: number): () => boolean {
  const admission = new Admission(allowedWaitMs(model, mostWaitMs), mostWaitMs);
  return () => {
    if (admission.admits(turn.look())) return false;
    predicting.turnedAway(model.service);
    return true;
  };
}
