import { Readable } from 'node:stream';
import { z } from 'zod';
import { parseGenerate, writeGenerate } from '../../serving/oip/generate.ts';
import type { InferReply } from '../../versions/request/infer-request.ts';
import { oipText, refuse, unavailable } from '../../versions/request/refuse.ts';
import { deadlineOf, TIMEOUT_HEADER } from '../oip/infer-http.ts';
import { bodyOf, headerOf, LARGEST_INFER } from '../oip/infer-route.ts';
import { json, jsonText, type ReadContext, type ReadRoute, type RouteAnswer, type RouteRequest } from '../route.ts';

const PATHS = ['/v2/models/{model}', '/v2/models/{model}/versions/{version}'] as const;

const generateBody = z.looseObject({});
const generated = z.looseObject({ model_name: z.string(), model_version: z.string() });

const EVENTS_TYPE = 'text/event-stream';

const common = {
  method: 'POST',
  tag: 'inference',
  access: 'reads',
  takesBytes: true,
  scopes: ['read'],
  changes: 'served',
  bodyLimit: LARGEST_INFER,
  errors: [
    'OIP_REQUEST',
    'OIP_UNKNOWN',
    'OIP_UNAVAILABLE',
    'OIP_UNSUPPORTED',
    'MODEL_TENSOR',
    'MODEL_RUN',
    'MODEL_FILE',
  ],
  refusals: ['OIP_REQUEST'],
} as const;

/** A model's answer as one JSON object. A model with several pieces is refused: they would have to be guessed together. */
const wholeRoutes = PATHS.map(
  (path, i): ReadRoute => ({
    ...common,
    path: `${path}/generate`,
    operationId: i === 0 ? 'generate' : 'generateVersion',
    page: {
      takes: i === 0 ? 'the [inputs by name](oip.md#answers-in-pieces), as JSON' : 'the same for one version',
      answers: 'the outputs by name, as JSON; refused if the answer has several pieces',
    },
    shapes: (_, define) => [
      {
        summary: 'Runs a model on named values.',
        body: json(define('GenerateBody', generateBody)),
        answers: { 200: json(define('Generated', generated)) },
      },
    ],
    run: async (context, request) => {
      const pieces = await piecesOf(context, request);
      const first = await pieces.next();
      if (first.done === true) throw unavailable('the model gave no answer');
      const text = writeGenerate(first.value);
      if ((await pieces.next()).done === true) return jsonText(text);
      await pieces.return(undefined);
      throw refuse('generate expects a single answer; use generate_stream for several pieces');
    },
  }),
);

/** A model's answer as server-sent events, each with a piece. */
const streamRoutes = PATHS.map(
  (path, i): ReadRoute => ({
    ...common,
    path: `${path}/generate_stream`,
    operationId: i === 0 ? 'generateStream' : 'generateStreamVersion',
    page: {
      takes: i === 0 ? 'the [inputs by name](oip.md#answers-in-pieces), as JSON' : 'the same for one version',
      answers: 'server-sent events (`text/event-stream`), each with the outputs of a piece by name',
    },
    shapes: (_, define) => [
      {
        summary: 'Runs a model on named values, and answers piece by piece.',
        body: json(define('GenerateBody', generateBody)),
        answers: { 200: { [EVENTS_TYPE]: 'text' } },
      },
    ],
    run: async (context, request): Promise<RouteAnswer> => {
      const pieces = await piecesOf(context, request);
      // A request that fails before its first piece has the status of its error.
      const first = await pieces.next();
      return {
        status: 200,
        type: EVENTS_TYPE,
        body: Readable.from(eventsOf(first, pieces), { objectMode: false, highWaterMark: 1 }),
        headers: { 'cache-control': 'no-cache' },
      };
    },
  }),
);

/** The pieces of the answer to a request. Errors: those of the model host. */
async function piecesOf({ served: { models } }: ReadContext, request: RouteRequest) {
  const { params, headers } = request;
  const deadline = deadlineOf(headerOf(headers[TIMEOUT_HEADER]));
  const model = params['model'] ?? '';
  const found = await models.find(model, params['version'] ?? '', deadline);
  const version = params['version'] === undefined ? '' : found.version;
  const asked = parseGenerate({ model, version, body: bodyOf(request.body), inputs: found.signature.inputs });
  return models.pieces(asked, { tenant: request.caller, deadline, signal: request.gone() });
}

/** The events of an answer that has begun; a failure is the last event. */
async function* eventsOf(
  first: IteratorResult<InferReply>,
  rest: AsyncGenerator<InferReply>,
): AsyncGenerator<Buffer, void> {
  try {
    if (first.done === true) return;
    yield eventOf(writeGenerate(first.value));
    for await (const piece of rest) yield eventOf(writeGenerate(piece));
  } catch (error) {
    yield eventOf(JSON.stringify({ error: oipText(error) }));
  } finally {
    await rest.return(undefined);
  }
}

function eventOf(text: string): Buffer {
  return Buffer.from(`data: ${text}\n\n`, 'utf8');
}

/** The routes of the protocol's generate extension. */
export const generateRoutes: readonly ReadRoute[] = [...wholeRoutes, ...streamRoutes];
