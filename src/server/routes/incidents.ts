import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { undelivered } from '../../findings/alerts/alerts-report.ts';
import { INCIDENT_KINDS } from '../../ports/incident.ts';
import { insideOf } from '../../running/inside.ts';
import { parsedQuery } from '../body.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';
import { ALERT_ERRORS, incident, unsent } from './alerts.ts';

const read = { method: 'GET', tag: 'models', scopes: ['read'], changes: null, access: 'writes' } as const;

const MOST = 500;
const USUAL = 50;

const query = z.strictObject({
  model: z.string().max(200).optional(),
  kind: z.enum(INCIDENT_KINDS).optional(),
  state: z.enum(['open', 'resolved']).optional().describe('`open` has those that are acknowledged too'),
  before: z.coerce.number().int().min(1).optional().describe('`next` of the last page; the newest without it'),
  limit: z.coerce.number().int().min(1).max(MOST).optional().describe(`at most ${MOST} (${USUAL})`),
});

/** Lists incidents, a page at a time. */
export const listIncidents: WriteRoute = {
  ...read,
  path: '/v1/incidents',
  operationId: 'listIncidents',
  query,
  page: {
    takes: '`model`, `kind`, `state`, `before`, `limit`',
    answers: '`{incidents, next}`, the newest first; `next` begins the next page, or is null',
  },
  errors: [...ALERT_ERRORS, 'SERVER_BODY'],
  shapes: (_, define) => [
    {
      summary: 'Incidents by model, kind and state, a page at a time.',
      answers: {
        200: json(define('Incidents', z.object({ incidents: z.array(incident), next: z.int().nullable() }))),
      },
    },
  ],
  run: async ({ headrace }, { query: asked }) => {
    const { model, kind, state, before, limit = USUAL } = parsedQuery(query, { ...Object(asked) });
    const isOpen = state === undefined ? undefined : state === 'open';
    const store = await insideOf(headrace).site.alerts();
    // One more than the page says whether another one follows.
    const found = await store.newest(limit + 1, { model, kind, isOpen, before });
    const incidents = found.slice(0, limit);
    return jsonAnswer({ incidents, next: found.length > limit ? (incidents.at(-1)?.no ?? null) : null });
  },
};

/** Reads one incident with its messages. */
export const readIncident: WriteRoute = {
  ...read,
  path: '/v1/incidents/{no}',
  operationId: 'readIncident',
  page: { takes: '', answers: '`{incident, deliveries}`: an incident, and its message to each sink' },
  errors: [...ALERT_ERRORS, 'ALERT_UNKNOWN'],
  shapes: (_, define) => [
    {
      summary: 'An incident, and its message to each sink.',
      answers: {
        200: json(define('OneIncident', z.object({ incident, deliveries: z.array(unsent) }))),
      },
    },
  ],
  run: async ({ headrace }, { name }) => {
    const no = /^\d{1,15}$/.test(name) ? Number(name) : 0;
    const store = await insideOf(headrace).site.alerts();
    const found = await store.incident(no);
    if (found === null) throw fail('ALERT_UNKNOWN', { no: name });
    return jsonAnswer({ incident: found, deliveries: (await store.deliveriesOf(no)).map(undelivered) });
  },
};
