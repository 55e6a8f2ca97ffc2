import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Headrace } from '../headrace.ts';
import { catalogued, errorBody } from './error-answer.ts';
import { featureAnswer } from './feature-answer.ts';

/** Takes a request if it is one that it knows by heart; false leaves it, untouched, to the full server. */
export type HotListener = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Answers `POST /v1/features/{service}` without the full server's routing: a known path, JSON, a length that is told and
 * within the limit, nothing else about it. Whatever differs is the full server's. Hot path.
 */
export function featureListener(headrace: Headrace, bodyLimit: number): HotListener {
  const services = new Map(headrace.project.services.map((service) => [`/v1/features/${service.name}`, service]));
  return (request, response) => {
    const service = services.get(request.url ?? '');
    if (service === undefined || request.method !== 'POST' || !isPlain(request, bodyLimit)) return false;
    readText(request, (body) => {
      try {
        const answer = featureAnswer(headrace, service, body);
        if (typeof answer === 'string') send(response, 200, answer);
        else
          answer.then(
            (text) => send(response, 200, text),
            (error: unknown) => sendError(response, error),
          );
      } catch (error) {
        sendError(response, error);
      }
    });
    return true;
  };
}

function isPlain({ headers }: IncomingMessage, bodyLimit: number): boolean {
  const length = headers['content-length'];
  return (
    headers['content-type'] === 'application/json' &&
    length !== undefined &&
    Number(length) > 0 &&
    Number(length) <= bodyLimit &&
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined &&
    headers['content-encoding'] === undefined
  );
}

/** A body that ends early has no answer: its connection is gone. */
function readText(request: IncomingMessage, take: (text: string) => void): void {
  let first: Buffer | null = null;
  let rest: Buffer[] | null = null;
  request.on('data', (chunk: Buffer) => {
    if (first === null) first = chunk;
    else if (rest === null) rest = [first, chunk];
    else rest.push(chunk);
  });
  request.on('end', () => take((rest === null ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest)).toString('utf8')));
  request.on('error', () => request.destroy());
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function sendError(response: ServerResponse, error: unknown): void {
  const known = catalogued(error);
  if (known.retry === 'later') response.setHeader('retry-after', '1');
  send(response, known.status, JSON.stringify(errorBody(known)));
}
