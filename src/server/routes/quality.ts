import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { qualityReport, wholeDays } from '../../monitoring/labels/quality-report.ts';
import { readSpan } from '../../schema/instant.ts';
import { instantQuery, parsedQuery, spanOf } from '../body.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';

const MONTH_MS = 30 * 86_400_000;

/** Longest span, days: quality is kept for 400. */
const MOST_MS = 400 * 86_400_000;

const query = z.object({
  from: instantQuery.optional().describe('first day of prediction, epoch milliseconds (UTC)'),
  to: instantQuery.optional().describe('end, exclusive, epoch milliseconds (UTC)'),
});

const quality = z.looseObject({
  task: z.enum(['binary', 'regression']),
  predictions: z.int(),
  labelled: z.int().describe('with a label, assumed ones among them'),
  assumed: z.int().describe('no label came in time: `otherwise` stands for it'),
  pending: z.int().describe('a label can still come'),
  unlabelled: z.int().describe('no label came in time'),
  coverage: z.number(),
});

const reported = z.object({
  version: z.int(),
  origin: z.enum(['trained', 'logged']).nullable().describe('null: it is no longer registered'),
});

const report = z.object({
  model: z.string(),
  from: z.int(),
  to: z.int(),
  whole: quality.nullable(),
  champion: reported.nullable(),
  versions: z.array(reported.extend({ quality })),
  days: z.array(z.object({ day: z.int(), quality })),
});

/** The realised quality of a model by day of prediction and version, from the history. */
export const readQuality: WriteRoute = {
  method: 'GET',
  path: '/v1/quality/{model}',
  operationId: 'readQuality',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '`from` and `to`, epoch ms: whole days, the last 30 without them',
    answers:
      '`{model, from, to, whole, champion, versions, days}`: metrics of judged predictions, with the labelled, assumed and pending predictions',
  },
  query,
  errors: ['MODEL_UNKNOWN', 'SERVER_BODY', 'INSTANT_UNIT', 'INSTANT_VALUE'],
  shapes: ({ models }, define) =>
    models.map(({ name }) => ({
      name,
      summary: `The realised quality of ${name}, by day of prediction and version.`,
      answers: { 200: json(define('Quality', report)) },
    })),
  run: async ({ headrace }, { name, query: found }) => {
    const given = parsedQuery(query, { ...Object(found) });
    const now = Date.now();
    const asked = readSpan(spanOf(given), now, 'the query');
    const end = asked.to ?? now;
    const span = wholeDays(asked.from ?? end - MONTH_MS, end);
    if (!(span.to > span.from) || span.to - span.from > MOST_MS)
      throw fail('SERVER_BODY', { reason: 'from must be before to, and at most 400 days' });
    const model = headrace.model(name);
    const quality = await headrace.realisedQuality(model, span.from, span.to);
    return jsonAnswer(qualityReport(name, quality, span, await headrace.versions(model)));
  },
};
