import { setImmediate } from 'node:timers/promises';
import type { OpenSpan } from '../base/tracer.ts';
import type { EventSourceData } from '../features/define/declaration.ts';
import {
  type DroppedEvent,
  type IngestReport,
  loggedIn,
  MOST_SHOWN,
  type RefusedEvent,
} from '../featurestore/ingest/ingest-report.ts';
import type { Headrace } from '../running/headrace.ts';
import { bodyText, jsonBody } from './body.ts';
import { errorBody } from './error-answer.ts';

/**
 * Events that are taken in one turn of the event loop: between two turns others are answered. A body of a few hundred thousand
 * events would stop everybody else.
 */
const EVENTS_AT_ONCE = 1_000;

/** The answer to a body of events: 400 if nothing was taken. */
export interface EventAnswer {
  readonly status: 200 | 400;
  readonly text: string;
}

/**
 * Takes one event, an array, or JSON lines: the answer counts what counts and what does not, and lists the first of those that were
 * dropped or refused. Errors: SERVER_BODY, those of the log.
 */
export async function eventAnswer(
  headrace: Pick<Headrace, 'ingest'>,
  source: EventSourceData,
  body: unknown,
  isLines: boolean,
  trace: OpenSpan | null,
): Promise<EventAnswer> {
  const events = isLines ? await linesOf(body) : eventsOf(body);
  const answer = new Answer();
  for (let from = 0; from < events.length; from += EVENTS_AT_ONCE) {
    if (from > 0) await setImmediate();
    const some = events.length <= EVENTS_AT_ONCE ? events : events.slice(from, from + EVENTS_AT_ONCE);
    answer.add(await headrace.ingest(source, some, trace), from);
  }
  return answer.of();
}

/** Adds up the reports on the events of a body; it keeps the first examples. */
class Answer {
  #logged = 0;
  readonly #counts = { accepted: 0, duplicate: 0, late: 0, pending: 0, refused: 0 };
  readonly #dropped: DroppedEvent[] = [];
  readonly #errors: ReturnType<typeof refusal>[] = [];

  /** `first` is the index of the report's first event in the body. */
  add(report: IngestReport, first: number): void {
    this.#logged += loggedIn(report);
    for (const name of ['accepted', 'duplicate', 'late', 'pending'] as const) this.#counts[name] += report[name];
    this.#counts.refused += report.refused.length;
    for (const event of report.dropped.slice(0, MOST_SHOWN - this.#dropped.length))
      this.#dropped.push({ ...event, index: first + event.index });
    for (const event of report.refused.slice(0, MOST_SHOWN - this.#errors.length))
      this.#errors.push(refusal({ ...event, index: first + event.index }));
  }

  of(): EventAnswer {
    return {
      status: this.#logged === 0 && this.#counts.refused > 0 ? 400 : 200,
      text: JSON.stringify({ ...this.#counts, dropped: this.#dropped, errors: this.#errors }),
    };
  }
}

function eventsOf(body: unknown): readonly unknown[] {
  const json = jsonBody(body);
  return Array.isArray(json) ? json : [json];
}

/** Characters of lines that are parsed in one turn of the event loop. */
const LINES_AT_ONCE = 2 ** 16;

async function linesOf(body: unknown): Promise<readonly unknown[]> {
  const text = bodyText(body);
  const events: unknown[] = [];
  for (let [from, turn] = [0, LINES_AT_ONCE]; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end === -1 ? text.length : end);
    if (line.trim() !== '') events.push(jsonBody(line));
    from += line.length + 1;
    if (from <= turn) continue;
    turn = from + LINES_AT_ONCE;
    await setImmediate();
  }
  return events;
}

function refusal({ index, id, error }: RefusedEvent) {
  return { index, ...(id === null ? {} : { id }), ...errorBody(error).error };
}
