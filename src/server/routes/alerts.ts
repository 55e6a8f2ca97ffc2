import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { parseDuration } from '../../base/time.ts';
import { alertsReport } from '../../findings/alerts/alerts-report.ts';
import { newSilence } from '../../findings/alerts/new-silence.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { type Alerts, openAlerts } from '../../site/open-alerts.ts';
import { whoOf } from '../acting.ts';
import { parsedBody } from '../body.ts';
import { type Define, json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const instant = z.int().describe('epoch milliseconds (UTC)');

export const incident = z.looseObject({
  no: z.int(),
  fingerprint: z.string().describe('names the cause'),
  kind: z.string(),
  severity: z.enum(['page', 'ticket', 'digest']),
  state: z.enum(['open', 'acknowledged', 'resolved']),
  tier: z.int().nullable(),
  model: z.string(),
  slice: z.string().nullable(),
  owner: z.string().nullable(),
  summary: z.string(),
  openedAt: instant,
  at: instant,
  acknowledgedBy: z.string().nullable(),
  resolution: z.object({ at: instant, reason: z.string() }).nullable(),
  evidence: z.record(z.string(), z.unknown()).describe('limits, figures and digests that the decision saw'),
});

export const unsent = z.looseObject({
  incident: z.int(),
  sink: z.string(),
  state: z.string(),
  attempts: z.int(),
  dueAt: instant,
  error: z.string().nullable(),
});

const report = z.object({
  open: z.array(incident).describe('the newest 200 at most, the oldest first'),
  openCount: z.int(),
  resolved: z.array(incident).describe('the newest 100 at most'),
  undelivered: z.array(unsent).describe('200 at most'),
  silences: z.array(z.looseObject({ id: z.int(), until: instant, by: z.string(), reason: z.string() })),
});

const answer = (define: Define) => ({ 200: json(define('Alerts', report)) });

export const ALERT_ERRORS = ['ALERT_FILE', 'ALERT_FORMAT', 'ALERT_BUSY'] as const;

async function withStore<T>(headrace: Headrace, work: (alerts: Alerts) => Promise<T>): Promise<T> {
  const alerts = await openAlerts(insideOf(headrace).site);
  try {
    return await work(alerts);
  } finally {
    await alerts.close();
  }
}

/** Reads incidents, messages that no sink accepted, and silences. */
export const readAlerts: WriteRoute = {
  method: 'GET',
  path: '/v1/alerts',
  operationId: 'readAlerts',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '',
    answers: '`{open, openCount, resolved, undelivered, silences}`: the newest incidents, and messages of theirs',
  },
  errors: ALERT_ERRORS,
  shapes: (_, define) => [{ summary: 'Incidents, undelivered messages and silences.', answers: answer(define) }],
  live: { everyMs: 2_000, read: alertsAnswer },
  run: alertsAnswer,
};

async function alertsAnswer({ headrace }: Pick<WriteContext, 'headrace'>): Promise<RouteAnswer> {
  const { site, clock } = insideOf(headrace);
  return jsonAnswer(await alertsReport(await site.alerts(), clock()));
}

const changeBody = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('acknowledge'), incident: z.int().min(1) }),
  z.strictObject({
    action: z.literal('silence'),
    model: z.string().max(200).optional(),
    kind: z.string().max(200).optional(),
    slice: z.string().max(500).optional(),
    fingerprint: z.string().max(2_000).optional(),
    for: z
      .string()
      .regex(/^[1-9]\d{0,5}(s|m|h|d)$/)
      .describe('how long: `2h`'),
    reason: z.string().min(1).max(1_000),
  }),
  z.strictObject({ action: z.literal('unsilence'), silence: z.int().min(1) }),
  z.strictObject({ action: z.literal('retry'), sink: z.string().max(200).optional() }),
]);

type Change = z.infer<typeof changeBody>;

/** Acknowledges an incident, silences, or retries messages that were given up. */
export const changeAlerts: WriteRoute = {
  method: 'POST',
  path: '/v1/alerts',
  operationId: 'changeAlerts',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'alerts',
  act: 'alerts',
  access: 'writes',
  page: {
    takes:
      "`{action: 'acknowledge', incident}`, `{action: 'silence', model?, kind?, slice?, fingerprint?, for, reason}`, `{action: 'unsilence', silence}` or `{action: 'retry', sink?}`",
    answers: 'as `GET /v1/alerts`',
  },
  errors: [...ALERT_ERRORS, 'ALERT_WRITE', 'ALERT_INCIDENT', 'ALERT_SINK', 'ALERT_SILENCE', 'WINDOW_TEXT'],
  refusals: ['ALERT_SILENCE', 'WINDOW_TEXT'],
  shapes: (_, define) => [
    {
      summary: 'Acknowledges an incident, silences, or retries messages that were given up.',
      body: json(define('AlertsBody', changeBody)),
      answers: answer(define),
    },
  ],
  run: async ({ headrace }, { body, caller, names }) => {
    const change = parsedBody(changeBody, body);
    names({ what: `alerts ${change.action}`, target: JSON.stringify(change) });
    return withStore(headrace, async (alerts) => {
      const now = insideOf(headrace).clock();
      await changed(alerts, change, { by: whoOf(caller), now });
      return jsonAnswer(await alertsReport(alerts.store, now));
    });
  },
};

async function changed(
  { book, store, sinks }: Alerts,
  change: Change,
  { by, now }: { readonly by: string; readonly now: number },
): Promise<void> {
  switch (change.action) {
    case 'acknowledge': {
      const found = await store.incident(change.incident);
      if (found === null || found.state === 'resolved') throw fail('ALERT_INCIDENT', { no: change.incident });
      await book.acknowledge(found.fingerprint, by);
      return;
    }
    case 'silence': {
      const { model = null, kind = null, slice = null, fingerprint = null, reason } = change;
      const until = now + parseDuration(change.for, 'for');
      await store.silence(newSilence({ model, kind, slice, fingerprint, from: now, until, by, reason }));
      return;
    }
    case 'unsilence':
      if (!(await store.endSilence(change.silence, now)))
        throw fail('ALERT_SILENCE', { reason: `there is no silence ${change.silence}` });
      return;
    case 'retry':
      if (change.sink !== undefined && !sinks.includes(change.sink))
        throw fail('ALERT_SINK', { sink: change.sink, known: sinks });
      await store.retry(change.sink ?? null, now);
      return;
    default:
      change satisfies never;
  }
}
