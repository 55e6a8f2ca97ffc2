import type { IncomingMessage } from 'node:http';
import { MlflowFault } from './fault.ts';
import { asFields, type Fields, Message } from './message.ts';

/** The largest body of JSON, bytes: a batch of 1,000 metrics, or tags of 100,000 characters. */
const MOST_BYTES = 16 * 2 ** 20;

/** The largest batch, bytes: MLflow's own bound. */
const MOST_BATCH_BYTES = 1_000_000;

/** Reads the fields of a request: from the query of a GET, from the JSON of any other. Errors: MlflowFault. */
export async function readMessage(request: IncomingMessage, path: string, query: URLSearchParams): Promise<Message> {
  if (request.method === 'GET') return new Message(queryFields(query));
  const body = await readBody(request);
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
  return new Message(parsedFields(body));
}

function queryFields(query: URLSearchParams): Fields {
  const fields: Record<string, string[] | string> = Object.create(null) as Record<string, string[] | string>;
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    fields[key] = values.length === 1 ? values[0] : values;
  }
  return fields;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES)
      throw new MlflowFault('REQUEST_LIMIT_EXCEEDED', `A request can have at most ${MOST_BYTES} bytes of JSON`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

/** Old clients send JSON as a text in JSON. */
function parsedFields(body: Buffer): Fields {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
    if (typeof value === 'string') value = JSON.parse(value);
  } catch (error) {
    throw new MlflowFault(
      'BAD_REQUEST',
      `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return asFields(value ?? {}, 'body');
}
