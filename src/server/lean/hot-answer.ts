import { STATUS_CODES } from 'node:http';
import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { OpenSpan } from '../../base/tracer.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { writesAscii } from '../../featurestore/online/vector-text.ts';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import { catalogued, errorBody } from '../error-answer.ts';
import { binaryAnswer, featureAnswer } from '../feature-answer.ts';
import type { RequestCheck } from '../request-check.ts';
import { endRequest, requestSpan } from '../request-spans.ts';
import type { ServedProject } from '../served-project.ts';
import { Admission } from './admission.ts';
import type { LeanOptions } from './lean-connection.ts';
import type { RequestHead } from './request-head.ts';
import { TurnTime } from './turn-time.ts';

/** The hot routes of a project as whole responses. Hot path. */
export function hotAnswers(
  served: ServedProject,
  check: RequestCheck,
  mostWaitMs: number,
): Pick<LeanOptions, 'knows' | 'turnAway' | 'answer'> {
  const turn = new TurnTime();
  const { tracer } = served;
  const services = new Map(
    served.project.services.map((service): [string, HotService] => [
      `/v1/features/${service.name}`,
      {
        service,
        response: writesAscii(service) ? asciiResponse : textResponse,
        admission: new Admission(allowedWaitMs(service, mostWaitMs), mostWaitMs),
      },
    ]),
  );
  const answer = (head: RequestHead, body: string, trace: OpenSpan | null): MaybePromise<string | Uint8Array> => {
    check(head);
    const hot = services.get(head.path);
    if (hot === undefined) throw fail('SERVER_ROUTE', { method: 'POST', path: head.path });
    const { service, response } = hot;
    if (head.isBinary) {
      const bytes = binaryAnswer(served, service, body, trace);
      return bytes instanceof Promise ? bytes.then(binaryResponse) : binaryResponse(bytes);
    }
    const text = featureAnswer(served, service, body, trace);
    return typeof text === 'string' ? response(text) : text.then(response);
  };
  return {
    knows: (path) => services.has(path),
    turnAway: ({ path, traceparent }) => {
      const hot = services.get(path);
      if (hot === undefined || hot.admission.admits(turn.look())) return null;
      served.turnedAway(hot.service);
      const span = tracer === null ? null : requestSpan(tracer, 'POST', ROUTE, path, traceparent);
      if (span !== null) endRequest(span, BUSY.status, BUSY);
      return busyResponse();
    },
    answer: (head, body): MaybePromise<string | Uint8Array> => {
      const span = tracer === null ? null : requestSpan(tracer, 'POST', ROUTE, head.path, head.traceparent);
      try {
        const answered = answer(head, body, span);
        if (answered instanceof Promise) return answered.then(done(span), (error) => errorResponse(error, span));
        return span === null ? answered : done(span)(answered);
      } catch (error) {
        return errorResponse(error, span);
      }
    },
  };
}

/** Ends the span of a request that is answered. */
function done(span: OpenSpan | null): <T>(whole: T) => T {
  return (whole) => {
    if (span !== null) endRequest(span, 200);
    return whole;
  };
}

/** As the full server names it. */
const ROUTE = '/v1/features/:service';

interface HotService {
  readonly service: FeatureServiceData;
  readonly response: (text: string) => string | Uint8Array;
  readonly admission: Admission;
}

/** Of its budget a request may use this share to wait: the rest is for its answer, and the way there. */
const WAITING_SHARE = 0.5;

/** How long requests of a service may wait while more come than are answered, ms. */
function allowedWaitMs({ p99Ms }: FeatureServiceData, mostWaitMs: number): number {
  return p99Ms === null ? mostWaitMs : Math.min(WAITING_SHARE * p99Ms, mostWaitMs);
}

/** Of a text of ASCII: as long in bytes as it is. */
function asciiResponse(text: string): string {
  return `${okHead()}${text.length}\r\n\r\n${text}`;
}

function textResponse(text: string): Uint8Array {
  return Buffer.from(`${okHead()}${Buffer.byteLength(text)}\r\n\r\n${text}`, 'utf8');
}

function binaryResponse(bytes: Uint8Array): Uint8Array {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${VECTOR_BINARY_TYPE}\r\ndate: ${new Date().toUTCString()}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

function errorResponse(error: unknown, span: OpenSpan | null): Uint8Array {
  const known = catalogued(error);
  if (span !== null) endRequest(span, known.status, known);
  return Buffer.from(errorText(known), 'utf8');
}

function errorText(error: HeadraceError): string {
  const text = JSON.stringify(errorBody(error));
  const later = error.retry === 'later' ? 'retry-after: 1\r\n' : '';
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n${later}${fields()}${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

const BUSY = fail('SERVER_BUSY', {});

let second = Number.NaN;
let ok = '';
let busy = '';

/** The head of an answer up to its length; its date is of this second. */
function okHead(): string {
  ofThisSecond();
  return ok;
}

/** The whole answer to a request that is turned away: to give it costs less than to answer. */
function busyResponse(): string {
  ofThisSecond();
  return busy;
}

function ofThisSecond(): void {
  const now = Math.floor(Date.now() / 1_000);
  if (now === second) return;
  second = now;
  ok = `HTTP/1.1 200 OK\r\n${fields()}`;
  busy = errorText(BUSY);
}

function fields(): string {
  return `content-type: application/json; charset=utf-8\r\ndate: ${new Date().toUTCString()}\r\ncontent-length: `;
}
