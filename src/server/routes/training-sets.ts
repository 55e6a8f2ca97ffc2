import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { fail, HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { parsedQuery } from '../body.ts';
import { checkLength, limited } from '../limits/limited-stream.ts';
import { json, jsonAnswer, type RouteAnswer, type RouteRequest, type WriteRoute } from '../route.ts';
import { SPINE_TYPES } from '../spine-types.ts';

/** Largest spine that is taken as a body where nothing else is said, bytes: it goes to the disk as it comes. */
export const SPINE_LIMIT = 256 * 2 ** 20;

const PARQUET = 'application/vnd.apache.parquet';

const querySchema = z.strictObject({
  mode: z.enum(['corrected', 'as-known']).default('corrected'),
  time: z.string().optional().describe('the column of the instant (_at)'),
  columns: z
    .string()
    .regex(/^([^=,]+=[^=,]+(,[^=,]+=[^=,]+)*)?$/)
    .optional()
    .describe('columns of other names: request=column,…'),
});

const trainingSet = z.object({
  path: z.string().describe('below the directory of the environment'),
  rows: z.int(),
  nullKeys: z.int().describe('rows that name no entity for at least one lookup'),
  cuts: z.int().describe('joins that did not fit into the memory of the history, and became smaller ones'),
});

/**
 * The body is a spine, in the format that its content type names. The answer is the training set as Parquet, or with `accept:
 * application/json` its path below the directory of the environment.
 */
export const writeTrainingSet: WriteRoute = {
  method: 'POST',
  path: '/v1/training-sets/{service}',
  operationId: 'writeTrainingSet',
  tag: 'training sets',
  // A spine is written to the disk of the server, and its answer is read from the history.
  scopes: ['read', 'write'],
  changes: 'sets',
  access: 'writes',
  page: {
    takes:
      'a [spine](../guide/training-sets.md) as `application/vnd.apache.parquet`, `text/csv`, `text/tab-separated-values` or `application/x-ndjson`, up to 256 MiB (`--spine-limit`)',
    answers:
      'the training set as Parquet; with `accept: application/json` `{path, rows, nullKeys, cuts}`; the path begins below the directory of the environment',
  },
  query: querySchema,
  takesStream: true,
  errors: ['SERVICE_UNKNOWN', 'SERVER_SPINE_SIZE', 'OFFLINE_MEMORY', 'OFFLINE_FULL', 'OFFLINE_WRITE'],
  refusals: [
    'SPINE_FILE',
    'SPINE_FORMAT',
    'SPINE_COLUMN',
    'SPINE_TYPE',
    'SPINE_VALUE',
    'SPINE_NULL',
    'SPINE_NAME',
    'FILE_NAMES',
    'FILE_WIDE',
    'FILE_TEXT',
    'INSTANT_UNIT',
    'INSTANT_VALUE',
  ],
  shapes: ({ services }, define) => {
    const answer = define('TrainingSet', trainingSet);
    return services.map(({ name }) => ({
      name,
      summary: `Writes the rows of the body with the features of ${name} as of the instant of each.`,
      body: Object.fromEntries(Object.keys(SPINE_TYPES).map((type) => [type, 'binary'] as const)),
      answers: { 200: { [PARQUET]: 'binary', ...json(answer) } },
    }));
  },
  run: ({ headrace, spineLimit }, request) => answerTo(headrace, spineLimit, request),
};

async function answerTo(
  headrace: Headrace,
  spineLimit: number,
  { name, headers, query, stream, gone }: RouteRequest,
): Promise<RouteAnswer> {
  const service = headrace.service(name);
  const format = SPINE_TYPES[(headers['content-type'] ?? '').split(';')[0].trim()];
  if (format === undefined) throw fail('SERVER_MEDIA_TYPE', {});
  const { mode, time, columns } = parsedQuery(querySchema, { ...Object(query) });
  const file = `${service.name}-${randomUUID()}`;
  const limit = { most: spineLimit, tooLarge: () => fail('SERVER_SPINE_SIZE', { most: spineLimit }) };
  checkLength(headers['content-length'], limit);
  const path = insideOf(headrace).training.setPath(`${file}.parquet`);
  const body = insideOf(headrace).training.setPath(`${file}.body`);
  try {
    await pipeline(stream, limited(limit), createWriteStream(body));
    const spine = { path: body, format, columns: pairsOf(columns), ...(time === undefined ? {} : { time }) };
    const written = await headrace.writeTrainingSet(service, path, { spine, mode, signal: gone() });
    if ((headers.accept ?? '').includes('application/json')) return jsonAnswer(written);
  } catch (error) {
    throw withoutPaths(error, [path, body]);
  } finally {
    rmSync(body, { force: true });
  }
  const answer = createReadStream(path);
  answer.once('close', () => rmSync(path, { force: true }));
  return { status: 200, type: PARQUET, body: answer };
}

function pairsOf(columns = ''): Readonly<Record<string, string>> {
  return columns === '' ? {} : Object.fromEntries(columns.split(',').map((pair) => pair.split('=')));
}

/** An error that names the files of this machine, as who sent the spine knows them. */
function withoutPaths(error: unknown, [path, body]: readonly [string, string]): unknown {
  if (!isHeadraceError(error)) return error;
  const facts = Object.entries(error.facts).map(([name, fact]) => {
    const isText = typeof fact === 'string';
    return [name, isText ? fact.replaceAll(body, 'the body').replaceAll(path, 'the training set') : fact];
  });
  return new HeadraceError(error.code, Object.fromEntries(facts), error);
}
