import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { writesAscii } from '../../featurestore/online/vector-text.ts';
import { binaryAnswer, featureAnswer } from '../feature-answer.ts';
import type { ServedProject } from '../served-project.ts';
import { Admission } from './admission.ts';
import type { HotAnswer } from './hot-route.ts';
import { asciiResponse, binaryResponse, textResponse } from './response.ts';
import { TurnTime } from './turn-time.ts';

/** Longest wait before a request is turned away, ms, unless declared. */
export const MOST_WAIT_MS = 500;

/** `POST /v1/features/{service}` for each service of a project. Hot path. */
export function hotFeatures(served: ServedProject, mostWaitMs = MOST_WAIT_MS): readonly HotAnswer[] {
  const turn = new TurnTime();
  return served.project.services.map((service): HotAnswer => {
    const response = writesAscii(service) ? asciiResponse : textResponse;
    const admission = new Admission(allowedWaitMs(service, mostWaitMs), mostWaitMs);
    return {
      name: service.name,
      turnsAway: () => {
        if (admission.admits(turn.look())) return false;
        served.turnedAway(service);
        return true;
      },
      answer: ({ isBinary }, body, trace) => {
        if (isBinary) {
          const bytes = binaryAnswer(served, service, body, trace);
          return bytes instanceof Promise ? bytes.then(binaryResponse) : binaryResponse(bytes);
        }
        const text = featureAnswer(served, service, body, trace);
        return typeof text === 'string' ? response(text) : text.then(response);
      },
    };
  });
}

/** Of its budget a request may use this share to wait: the rest is for its answer, and the way there. */
const WAITING_SHARE = 0.5;

/** How long requests of a service or a model may wait while more come than are answered, ms. */
export function allowedWaitMs({ p99Ms }: Pick<FeatureServiceData, 'p99Ms'>, mostWaitMs: number): number {
  return p99Ms === null ? mostWaitMs : Math.min(WAITING_SHARE * p99Ms, mostWaitMs);
}
