import type { Headrace } from '../../running/headrace.ts';
import { eventAnswer } from '../event-answer.ts';
import type { HotAnswer } from './hot-route.ts';
import { statusResponse, textResponse } from './response.ts';

/** `POST /v1/events/{source}` for each source of a project: none is turned away. */
export function hotEvents(headrace: Headrace): readonly HotAnswer[] {
  return headrace.project.sources.map((source) => ({
    name: source.name,
    turnsAway: () => false,
    answer: async ({ isLines }, body, trace) => {
      const { status, text } = await eventAnswer(headrace, source, body, isLines, trace);
      return status === 200 ? textResponse(text) : statusResponse(status, text);
    },
  }));
}
