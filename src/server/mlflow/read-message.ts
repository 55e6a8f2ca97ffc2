import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { checkJson } from '../../schema/json-bounds.ts';
import { parseInTurns } from '../../schema/json-in-turns.ts';
import { LONG_BODY } from '../body.ts';
import { type HeldBody, readWhole } from '../limits/read-whole.ts';
import { mostDecoded, type RequestHeld } from '../limits/request-held.ts';
import { MlflowFault } from './fault.ts';
import { asFields, type Fields, Message } from './message.ts';

/** The largest body of JSON, bytes: a batch of 1,000 metrics, or tags of 100,000 characters. */
const MOST_BYTES = 16 * 2 ** 20;

/** The largest batch, bytes: MLflow's own bound. */
const MOST_BATCH_BYTES = 1_000_000;

/** Reads the fields of a request: from the query of a GET, from the JSON of any other. Errors: MlflowFault. */
export async function readMessage(
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  held: RequestHeld,
): Promise<Message> {
  if (request.method === 'GET') return new Message(queryFields(query));
  const { bytes, heldBytes } = await readBody(request, held);
  held.adopt(heldBytes);
  return messageOf(request, path, query, bytes, held);
}

async function messageOf(
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  body: Buffer,
  held: RequestHeld,
): Promise<Message> {
  if (body.length === 0 && request.method !== 'POST') return new Message(queryFields(query));
  const type = request.headers['content-type'];
  if (request.method === 'POST' && type === undefined)
    throw new MlflowFault('INVALID_PARAMETER_VALUE', 'Bad Request. Content-Type header is missing.');
  if (type !== undefined && !/^application\/json\b/i.test(type))
    throw new MlflowFault('INVALID_PARAMETER_VALUE', `Bad Request. Content-Type must be application/json, not ${type}`);
  if (path.endsWith('/runs/log-batch') && body.length > MOST_BATCH_BYTES)
    throw new MlflowFault(
      'INVALID_PARAMETER_VALUE',
      `Batched logging API requests must be at most ${MOST_BATCH_BYTES} bytes, got one of size ${body.length}.`,
    );
  return new Message(await parsedFields(body, held));
}

function queryFields(query: URLSearchParams): Fields {
  const fields: Record<string, string[] | string> = Object.create(null) as Record<string, string[] | string>;
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    fields[key] = values.length === 1 ? values[0] : values;
  }
  return fields;
}

/** Time of a client for the whole of a body of JSON, ms. */
const BODY_TIMEOUT_MS = 30_000;

async function readBody(request: IncomingMessage, { share: held }: RequestHeld): Promise<HeldBody> {
  const said = request.headers['content-length'];
  try {
    return await readWhole(request, { most: MOST_BYTES, said, withinMs: BODY_TIMEOUT_MS, held });
  } catch (error) {
    if (!isHeadraceError(error, 'SERVER_BODY_SIZE')) throw error;
    throw new MlflowFault('REQUEST_LIMIT_EXCEEDED', `A request can have at most ${MOST_BYTES} bytes of JSON`, error);
  }
}

/** Old clients send JSON as a text in JSON. */
async function parsedFields(body: Buffer, held: RequestHeld): Promise<Fields> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = await parsed(body.toString('utf8'), held);
    if (typeof value === 'string') value = await parsed(value, held);
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw new MlflowFault('BAD_REQUEST', `The body is not JSON: ${reasonOf(error)}`);
  }
  return asFields(value ?? {}, 'body');
}

/** Errors: SERVER_BODY_BOUNDS, SERVER_HELD. */
async function parsed(text: string, held: RequestHeld): Promise<unknown> {
  if (text.length > LONG_BODY)
    return parseInTurns(text, { parse: JSON.parse, counted: held.takeCounts, turn: setImmediate });
  held.take(mostDecoded(text.length));
  checkJson(text);
  return JSON.parse(text);
}

/** The length of a body that a request says; undefined where it says none. */
export function lengthOf({ headers }: IncomingMessage): number | undefined {
  const said = headers['content-length'];
  return said === undefined ? undefined : Number(said);
}
