import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { insideOf } from '../../running/inside.ts';
import { readSpan } from '../../schema/instant.ts';
import { instantQuery, parsedQuery, spanOf } from '../body.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';

const DAY_MS = 86_400_000;

/** Longest span of a report. */
const MOST_MS = 31 * DAY_MS;

const instant = z.int().describe('epoch milliseconds (UTC)');
const share = z.number().describe('of the rows');

const query = z.object({
  from: instantQuery.optional().describe('begin of the span, epoch milliseconds (UTC); a day before `to` without it'),
  to: instantQuery.optional().describe('its end, exclusive; now without it'),
});

const column = z.looseObject({
  name: z.string(),
  type: z.string(),
  unit: z.string().nullable(),
  profile: z.looseObject({
    rows: z.int(),
    least: z.number().nullable(),
    greatest: z.number().nullable(),
  }),
  nullRate: share,
  zeroRate: share,
  missingRate: share,
  outOfRangeRate: share,
  refused: z.int().describe('events refused for this column'),
  distinct: z.int().describe('different values, give or take 1.6 %'),
  mean: z.number().nullable(),
});

const report = z.object({
  project: z.string(),
  from: instant,
  to: instant,
  findings: z.array(z.string()).describe('a sentence for each finding, the most important first'),
  services: z.array(
    z.object({
      service: z.string(),
      vectors: z.int().describe('logged vectors of the span: a sample'),
      features: z.array(
        column.extend({ tier: z.string(), ageMs: z.number().nullable(), budgetMs: z.number().nullable() }),
      ),
    }),
  ),
  sources: z.array(
    z.object({
      source: z.string(),
      volume: z.looseObject({
        deliveries: z.int(),
        hours: z.array(
          z.looseObject({
            hour: instant,
            deliveries: z.int(),
            usual: z.number().nullable(),
            verdict: z.enum(['little', 'much']).nullable(),
          }),
        ),
      }),
      lateness: z.object({
        p50Ms: z.number().nullable(),
        p99Ms: z.number().nullable(),
        mostMs: z.number().nullable(),
        tooLate: z.int().describe('later than the source accepts'),
        bins: z.array(z.object({ atMostMs: z.number().nullable(), deliveries: z.int() })),
      }),
      columns: z.array(column),
      quarantined: z.array(
        z.object({
          code: z.string().describe('the rule that refused them'),
          column: z.string().nullable(),
          events: z.int(),
          at: instant.describe('of the newest one'),
          reason: z.string(),
          sample: z.string().describe('the newest one as JSON, its first 2,000 characters'),
        }),
      ),
    }),
  ),
});

/** Profiles the served features and the events of a span. */
export const readFeatureReport: WriteRoute = {
  method: 'GET',
  path: '/v1/feature-report',
  operationId: 'readFeatureReport',
  tag: 'features',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '`from` and `to`, epoch ms: the last day without them',
    answers:
      'the profile of every served feature and source: nulls, ranges, volume, lateness, refused events with samples',
  },
  query,
  errors: ['SERVER_BODY', 'INSTANT_UNIT', 'INSTANT_VALUE'],
  shapes: (_, define) => [
    {
      summary: 'Profiles of the served features and of the events of a span.',
      answers: { 200: json(define('FeatureReport', report)) },
    },
  ],
  run: async ({ headrace }, { query: asked }) => {
    const now = insideOf(headrace).clock();
    const { from, to = now } = readSpan(spanOf(parsedQuery(query, { ...Object(asked) })), now, 'the query');
    const span = { from: from ?? to - DAY_MS, to };
    if (!(span.to > span.from) || span.to - span.from > MOST_MS)
      throw fail('SERVER_BODY', { reason: 'from must be before to, and at most 31 days' });
    return jsonAnswer(await headrace.featuresReport(span.from, span.to));
  },
};
