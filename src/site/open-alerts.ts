import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { secretsOf } from '../backends/alert-sinks/back-ends.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { replaceFile } from '../files/replace-file.ts';
import { type AlertRoute, defaultRoutes, destinationsOf } from '../findings/alerts/alert-routes.ts';
import { alertRules } from '../findings/alerts/alert-rules.ts';
import { cleanIncident, cleanText } from '../findings/alerts/clean-incident.ts';
import { deliverAlerts, type NamedSink } from '../findings/alerts/deliver-alerts.ts';
import { type IncidentBook, incidentBook } from '../findings/alerts/incident-book.ts';
import type { AlertStore, Destination } from '../ports/alert-store.ts';
import { openRow, rowOf } from '../ports/back-end-row.ts';
import type { Incident } from '../ports/incident.ts';
import { alertSinks } from './back-ends/alert-sinks.ts';
import { registryOf } from './back-ends/registries.ts';
import { secretOf } from './secrets.ts';
import type { Site } from './site.ts';

/** Incidents of an environment, and the sinks that receive them. */
export interface Alerts {
  /** Takes incidents. Everything that finds one opens it here. */
  readonly book: IncidentBook;
  readonly store: AlertStore;
  /** Names of the declared sinks. */
  readonly sinks: readonly string[];
  destinationsOf(incident: Incident): readonly Destination[];
  /** Sends all that is due; returns the number of accepted messages. */
  deliver(): Promise<number>;
  /** Ends the sending. The site closes the store. */
  close(): Promise<void>;
}

/** Resolved incidents are kept for this long, ms. */
const KEPT_MS = 400 * 86_400_000;

/**
 * Opens the incidents of a site; nothing is sent yet. Its `onFault` receives failures of deliveries that are given up. Errors: ALERT_*,
 * REGISTRY_*.
 */
export async function openAlerts(site: Site): Promise<Alerts> {
  const { project, environment, clock, onFault } = site;
  const { alerts, namespace } = environment;
  site.makeDirectory();
  const store = await site.alerts();
  const sinks = sinksOf(environment);
  const routes = routesOf(environment);
  const secrets = secretValues(environment);
  const stopping = new AbortController();
  const pathOf = (incident: Incident) => destinationsOf(routes, incident);
  let running: Promise<number> | null = null;
  const deliver = () =>
    deliverAlerts({
      store,
      sinks,
      place: { project: project.name, namespace, link: alerts.link ?? null },
      clock,
      giveUpMs: parseDuration(alerts.giveUpAfter, 'alerts.giveUpAfter'),
      signal: stopping.signal,
      onFault,
      clean: (text) => cleanText(text, secrets),
    });
  return {
    book: incidentBook({
      store,
      clock,
      destinationsOf: pathOf,
      clean: (incident) => cleanIncident(incident, secrets),
    }),
    store,
    sinks: sinks.map(({ name }) => name),
    destinationsOf: pathOf,
    deliver: () => {
      running ??= deliver().finally(() => {
        running = null;
      });
      return running;
    },
    close: async () => {
      stopping.abort();
      await running?.catch(() => undefined);
      await store.prune(clock() - KEPT_MS);
    },
  };
}

/** Writes the file of Prometheus rules of an environment where it names one; returns its path. */
export function writeAlertRules(project: ProjectData, { alerts }: Environment): string | null {
  if (alerts.rules === undefined) return null;
  mkdirSync(dirname(alerts.rules), { recursive: true });
  replaceFile(alerts.rules, alertRules(project, alerts.link));
  return alerts.rules;
}

/** Whether an environment can have incidents; the file of one that never had any is not made by a reader. */
export function hasAlerts(environment: Environment): boolean {
  return registryOf(environment).mayHave('alerts');
}

function sinksOf({ alerts }: Environment): readonly NamedSink[] {
  return Object.entries(alerts.sinks).map(([name, options]) => ({
    name,
    open: () => openRow(alertSinks, options, { name, secretOf }),
    limit: { messages: options.rate.messages, perMs: parseDuration(options.rate.per, `alerts.sinks.${name}.rate`) },
  }));
}

function routesOf({ alerts }: Environment): readonly AlertRoute[] {
  const sinks = Object.entries(alerts.sinks).map(([name, options]) => ({
    name,
    digests: rowOf(alertSinks, options).facts.includes('digests'),
  }));
  if (alerts.routes === undefined) return defaultRoutes(sinks);
  return alerts.routes.map(({ digest, to, tiers, models, slices, severities, kinds, owners }) => ({
    tiers,
    models,
    slices,
    severities,
    kinds,
    owners,
    to,
    digestMs: digest === undefined ? 0 : parseDuration(digest, 'alerts.routes.digest'),
  }));
}

/** Values of every secret that the sinks name, as far as they are set. */
function secretValues({ alerts }: Environment): readonly string[] {
  return Object.values(alerts.sinks)
    .flatMap(secretsOf)
    .flatMap((name) => process.env[name] ?? []);
}
