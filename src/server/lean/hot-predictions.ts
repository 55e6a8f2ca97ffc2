import type { Headrace } from '../../running/headrace.ts';
import { predictionBytes, predictionText } from '../prediction-answer.ts';
import type { HotAnswer } from './hot-route.ts';
import { asciiResponse, binaryResponse, textResponse } from './response.ts';

/** A text goes to the thread of the connections at a fraction of the cost of bytes. */
const ASCII = /^[\0-\x7f]*$/;

/** `POST /v1/predictions/{model}` for each model of a project. Its queue of rows is bounded, so none is turned away here. Hot path. */
export function hotPredictions(headrace: Headrace): readonly HotAnswer[] {
  return headrace.project.models.map((model) => ({
    name: model.name,
    turnsAway: () => false,
    answer: async ({ isBinary, timeout }, body, trace) => {
      const call = { model, body, timeout, trace };
      if (isBinary) return binaryResponse(await predictionBytes(headrace, call));
      const text = await predictionText(headrace, call);
      return ASCII.test(text) ? asciiResponse(text) : textResponse(text);
    },
  }));
}
