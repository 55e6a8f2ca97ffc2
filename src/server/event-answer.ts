import type { OpenSpan } from '../base/tracer.ts';
import type { EventSourceData } from '../features/define/declaration.ts';
import type { RefusedEvent } from '../featurestore/ingest/gateway.ts';
import type { Headrace } from '../headrace.ts';
import { bodyText, jsonBody } from './body.ts';
import { errorBody } from './error-answer.ts';

const REFUSALS_SHOWN = 100;

/** What is answered to a body of events: 400 where nothing was taken. */
export interface EventAnswer {
  readonly status: 200 | 400;
  readonly text: string;
}

/**
 * Takes one event, an array, or JSON lines: the answer counts what is in the log and lists what was refused. Errors: SERVER_BODY, those
 * of the log.
 */
export async function eventAnswer(
  headrace: Headrace,
  source: EventSourceData,
  body: unknown,
  isLines: boolean,
  trace: OpenSpan | null,
): Promise<EventAnswer> {
  const { accepted, refused } = await headrace.ingest(source, isLines ? linesOf(body) : eventsOf(body), trace);
  const errors = refused.slice(0, REFUSALS_SHOWN).map(refusal);
  return {
    status: accepted === 0 && refused.length > 0 ? 400 : 200,
    text: JSON.stringify({ accepted, refused: refused.length, errors }),
  };
}

function eventsOf(body: unknown): readonly unknown[] {
  const json = jsonBody(body);
  return Array.isArray(json) ? json : [json];
}

function linesOf(body: unknown): readonly unknown[] {
  return bodyText(body)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(jsonBody);
}

function refusal({ index, error }: RefusedEvent) {
  return { index, ...errorBody(error).error };
}
