import { z } from 'zod';
import { sinkOptions } from '../backends/alert-sinks/options.ts';
import { INCIDENT_KINDS } from '../ports/incident.ts';
import { duration } from '../ports/options.ts';

const name = z.string().regex(/^[a-z][a-zA-Z0-9_-]{0,62}$/, 'write letters, digits, "_" and "-", a small letter first');

/** Incidents that match all that is written go to the sinks of a route. */
const route = z.strictObject({
  tiers: z.array(z.int().min(0).max(4)).min(1).optional(),
  models: z.array(z.string().min(1)).min(1).optional(),
  /** `country`, or `country=DE`. */
  slices: z.array(z.string().min(1)).min(1).optional(),
  severities: z
    .array(z.enum(['page', 'ticket', 'digest']))
    .min(1)
    .optional(),
  kinds: z.array(z.enum(INCIDENT_KINDS)).min(1).optional(),
  owners: z.array(z.string().min(1)).min(1).optional(),
  to: z.array(name).min(1),
  /** Incidents are sent together at the end of each period. */
  digest: duration.optional(),
});

/** Where incidents go. */
export const alertsSchema = z
  .strictObject({
    sinks: z.record(name, sinkOptions).default({}),
    /** Each route that matches counts. Without routes: urgent incidents to every sink at once, the others as a weekly digest. */
    routes: z.array(route).optional(),
    /** A sink that fails for this long has its messages given up; `headrace alerts retry` sends them after all. */
    giveUpAfter: duration.default('3d'),
    /** Address of the server, which begins the links of messages and rules: the console's page of a model, and `/docs/runbook/<alert>.html`. */
    link: z.url({ protocol: /^https?$/ }).optional(),
    /** A file of Prometheus rules that the monitor writes: an alert for each model and severity. */
    rules: z.string().min(1).optional(),
  })
  .superRefine(({ sinks, routes = [] }, context) => {
    for (const [i, { to, digest }] of routes.entries())
      for (const sink of to) {
        const known = Object.hasOwn(sinks, sink) ? sinks[sink] : undefined;
        const problem =
          known === undefined
            ? `no sink is named "${sink}"`
            : digest !== undefined && !DIGESTS.includes(known.kind)
              ? `${known.kind} takes no digest`
              : null;
        if (problem !== null) context.addIssue({ code: 'custom', path: ['routes', i, 'to'], message: problem });
      }
  });

/** Kinds of sinks that take a digest. */
const DIGESTS: readonly string[] = ['webhook', 'slack', 'smtp'];
