import { randomUUID } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { type TakeTurn, turns } from '../../base/take-turns.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { readSpan } from '../../schema/instant.ts';
import { instantQuery, parsedQuery, spanOf } from '../body.ts';
import type { RouteAnswer, RouteRequest, WriteRoute } from '../route.ts';

const PARQUET = 'application/vnd.apache.parquet';

/** Sets that are written at a time: each is a join over the history. */
const takeTurn: TakeTurn = turns(1);

const query = z.strictObject({
  from: instantQuery.optional().describe('first instant of the rows, epoch milliseconds (UTC)'),
  to: instantQuery.optional().describe('their end, exclusive; without it the newest instant whose labels are complete'),
  mode: z.enum(['corrected', 'as-known']).default('corrected'),
});

/** The training set of a model's own rows, as a training would read it: written, sent and removed. */
export const readModelSet: WriteRoute = {
  method: 'GET',
  path: '/v1/model-sets/{model}',
  operationId: 'readModelSet',
  tag: 'training sets',
  // It reads what the server has, as a read of scores does. A scope to write is for data that callers send, such as a spine.
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes:
      '`from` and `to`, epoch ms, and `mode`: those of the [lineage](../guide/training-sets.md) of a version give its rows again',
    answers: "the training set of the model's own rows, with labels, as Parquet",
  },
  query,
  errors: ['MODEL_UNKNOWN', 'SERVER_BODY', 'JOB_CANCELLED', 'OFFLINE_MEMORY', 'OFFLINE_FULL', 'OFFLINE_WRITE'],
  shapes: ({ models }) =>
    models.map(({ name }) => ({
      name,
      summary: `The training set of the rows of ${name}, with labels.`,
      answers: { 200: { [PARQUET]: 'binary' } },
    })),
  run: ({ headrace }, request) => answerTo(headrace, request),
};

async function answerTo(headrace: Headrace, { name, query: asked, gone }: RouteRequest): Promise<RouteAnswer> {
  const model = headrace.model(name);
  const { mode, ...given } = parsedQuery(query, { ...Object(asked) });
  const inside = insideOf(headrace);
  const span = readSpan(spanOf(given), inside.clock(), 'the query');
  if ((span.from ?? 0) >= (span.to ?? Number.POSITIVE_INFINITY))
    throw fail('SERVER_BODY', { reason: 'from must be before to' });
  const path = inside.training.setPath(`${name}-${randomUUID()}.parquet`);
  const remove = () => rmSync(path, { force: true });
  const signal = gone();
  const giveBack = await takeTurn(`training set of ${name}`, signal);
  try {
    await headrace.writeTrainingSet(model, path, { ...span, mode, signal });
  } catch (error) {
    remove();
    throw error;
  } finally {
    giveBack();
  }
  const body = createReadStream(path);
  body.once('close', remove);
  return { status: 200, type: PARQUET, body };
}
