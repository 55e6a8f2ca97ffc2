import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { causesOf } from '../../monitoring/cause/causes.ts';
import { qualityWindows } from '../../monitoring/estimate/quality-windows.ts';
import { estimateWindow } from '../../monitoring/estimate/window-estimate.ts';
import { watchedVersion } from '../../monitoring/monitor/watched-version.ts';
import { windowJson } from '../../monitoring/report/window-json.ts';
import { type WindowReportOptions, windowReport } from '../../monitoring/report/window-report.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { reportPage } from '../../report/report-page.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { readSpan } from '../../schema/instant.ts';
import { rolloutEvents } from '../../serving/rollout/rollout-events.ts';
import { instantQuery, parsedQuery, spanOf } from '../body.ts';
import { json, jsonAnswer, type RouteAnswer, type WriteRoute } from '../route.ts';
import { qualitySchema, windowSchema } from './window-schema.ts';

const DAY_MS = 86_400_000;

/** Longest window of a report. */
const MOST_MS = 31 * DAY_MS;

const query = z.object({
  from: instantQuery.optional().describe('begin of the window, epoch milliseconds (UTC); a day before `to` without it'),
  to: instantQuery.optional().describe('its end, exclusive; now without it'),
  of: z
    .enum(['window', 'causes', 'estimate', 'quality'])
    .default('window')
    .describe(
      'the whole window, its causes alone, its estimate before the labels with the proxies, or the estimated and the realised quality of its parts',
    ),
  format: z
    .enum(['json', 'html'])
    .default('json')
    .describe('of the window: JSON, or one HTML page that has the same JSON in it'),
});

const report = z.union([
  windowSchema,
  qualitySchema,
  z.looseObject({
    metrics: z.record(z.string(), z.number().nullable()).nullable(),
    trust: z.looseObject({ state: z.enum(['estimate', 'cannotTell']), reasons: z.array(z.string()) }),
    proxies: z.array(z.looseObject({ proxy: z.string(), state: z.enum(['measured', 'insufficient']) })),
  }),
]);

/** One window of a model's champion: features, series, labels, slices, causes and decisions. */
export const readDriftReport: WriteRoute = {
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  method: 'GET',
  path: '/v1/drift/{model}',
  operationId: 'readDriftReport',
  page: {
    takes:
      '`from` and `to`, epoch ms: the last day without them; `?of=causes`, `?of=estimate` or `?of=quality`; `?format=html`',
    answers: 'one window of the champion: features, series, labels, slices, causes, decisions',
  },
  query,
  errors: [
    'MODEL_UNKNOWN',
    'SERVER_BODY',
    'INSTANT_UNIT',
    'INSTANT_VALUE',
    'DRIFT_CHAMPION',
    'DRIFT_PROFILE',
    'PLAYBOOK_FILE',
    'PLAYBOOK_BUSY',
    'REPORT_PAGE',
  ],
  shapes: ({ models }, define) =>
    models.map(({ name }) => ({
      name,
      summary: `One window of the champion of ${name}, as its monitors see it.`,
      answers: { 200: { ...json(define('DriftReport', report)), 'text/html': 'text' } },
    })),
  run: async ({ headrace }, { name, query: asked }) => {
    const { of, format, ...given } = parsedQuery(query, { ...Object(asked) });
    const now = insideOf(headrace).clock();
    const { from, to = now } = readSpan(spanOf(given), now, 'the query');
    const span = { from: from ?? to - DAY_MS, to };
    if (!(span.to > span.from) || span.to - span.from > MOST_MS)
      throw fail('SERVER_BODY', { reason: 'from must be before to, and at most 31 days' });
    return answerOf(await optionsOf(headrace, name, span), of, format);
  },
};

async function answerOf(
  options: WindowReportOptions,
  of: 'window' | 'causes' | 'estimate' | 'quality',
  format: 'json' | 'html',
): Promise<RouteAnswer> {
  if (of === 'causes') return jsonAnswer(await causesOf(options));
  const { watched, history, span, now } = options;
  if (of === 'estimate') return jsonAnswer(await estimateWindow(watched.model, history, watched.version, span, now));
  if (of === 'quality') return jsonAnswer(await qualityWindows(watched.model, history, watched.version, span, now));
  const found = windowJson(await windowReport(options));
  return format === 'html'
    ? { status: 200, type: 'text/html; charset=utf-8', body: reportPage('window', found) }
    : { status: 200, type: 'application/json', body: found };
}

async function optionsOf(
  headrace: Headrace,
  name: string,
  span: { readonly from: number; readonly to: number },
): Promise<WindowReportOptions> {
  const model = headrace.model(name);
  const { stores, clock } = insideOf(headrace);
  const { registry, artifacts, offline: history, playbooks } = stores;
  const rollouts = await rolloutEvents(stores.rollouts, model.name);
  const version = await registry.alias(model.name, CHAMPION);
  if (version === null) throw fail('DRIFT_CHAMPION', { model: model.name });
  const watched = await watchedVersion({ registry, artifacts }, model, version);
  const journal = playbooks === null ? [] : await playbooks.entries(model.name);
  return { watched, history, span, now: clock(), moves: await registry.moves(model.name), rollouts, journal };
}
