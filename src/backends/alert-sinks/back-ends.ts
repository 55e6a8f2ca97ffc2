import type { z } from 'zod';
import { parseDuration } from '../../base/time.ts';
import type { AlertSink } from '../../ports/alert-sink.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { alertmanagerSink } from './alertmanager.ts';
import { issueFilesSink } from './issue-files.ts';
import {
  alertmanagerOptions,
  issueOptions,
  pagerDutyOptions,
  type SinkOptions,
  slackOptions,
  smtpOptions,
  webhookOptions,
} from './options.ts';
import { pagerDutySink } from './pagerduty.ts';
import { slackSink } from './slack.ts';
import { smtpSink } from './smtp.ts';
import { webhookSink } from './webhook.ts';

/** A sink by its name in the environment. */
export interface SinkPlace {
  readonly name: string;
  /** The value of a secret that an option names. Error: CONFIG_SECRET. */
  readonly secretOf: (named: { readonly env: string }, option: string) => string;
}

/** `digests`: one message may be about many incidents. */
export type SinkFact = 'digests';

type Row<S extends z.ZodObject> = BackEndRow<z.output<S>, SinkPlace, AlertSink, SinkFact>;

const common = { folder: 'alert-sinks' } as const;

const timeoutOf = ({ timeout }: { readonly timeout: string }, { name }: SinkPlace) =>
  parseDuration(timeout, `alerts.sinks.${name}.timeout`);

const secretIn = ({ name, secretOf }: SinkPlace, option: string, named: { readonly env: string }) =>
  secretOf(named, `alerts.sinks.${name}.${option}`);

export const webhookAlerts: Row<typeof webhookOptions> = {
  ...common,
  kind: 'webhook',
  is: 'signed POST requests',
  options: webhookOptions,
  facts: ['digests'],
  open: ({ url, secret, ...options }, place) =>
    webhookSink({
      url: typeof url === 'string' ? url : secretIn(place, 'url', url),
      secret: secret === undefined ? null : secretIn(place, 'secret', secret),
      timeoutMs: timeoutOf(options, place),
    }),
};

export const slackAlerts: Row<typeof slackOptions> = {
  ...common,
  kind: 'slack',
  is: 'messages of an incoming webhook of Slack',
  options: slackOptions,
  facts: ['digests'],
  open: (options, place) =>
    slackSink({ url: secretIn(place, 'url', options.url), timeoutMs: timeoutOf(options, place) }),
};

export const pagerDutyAlerts: Row<typeof pagerDutyOptions> = {
  ...common,
  kind: 'pagerduty',
  is: 'events of PagerDuty',
  options: pagerDutyOptions,
  facts: [],
  open: (options, place) =>
    pagerDutySink({
      url: options.url,
      routingKey: secretIn(place, 'routingKey', options.routingKey),
      timeoutMs: timeoutOf(options, place),
    }),
};

export const alertmanagerAlerts: Row<typeof alertmanagerOptions> = {
  ...common,
  kind: 'alertmanager',
  is: 'alerts of Alertmanager',
  options: alertmanagerOptions,
  facts: [],
  open: ({ url, repeat, token, ...options }, place) =>
    alertmanagerSink({
      url,
      repeatMs: parseDuration(repeat, `alerts.sinks.${place.name}.repeat`),
      token: token === undefined ? null : secretIn(place, 'token', token),
      timeoutMs: timeoutOf(options, place),
    }),
};

export const smtpAlerts: Row<typeof smtpOptions> = {
  ...common,
  kind: 'smtp',
  is: 'mail',
  options: smtpOptions,
  facts: ['digests'],
  open: ({ host, port, security, user, password, from, to, ...options }, place) =>
    smtpSink({
      host,
      port,
      security,
      login:
        user === undefined
          ? null
          : { user, password: password === undefined ? '' : secretIn(place, 'password', password) },
      from,
      to,
      timeoutMs: timeoutOf(options, place),
    }),
};

export const issueAlerts: Row<typeof issueOptions> = {
  ...common,
  kind: 'issues',
  is: 'Markdown files, one for each incident',
  options: issueOptions,
  facts: [],
  open: ({ directory }) => issueFilesSink(directory),
};

/** Variables that a sink's options name: their values must not appear in a message. */
export function secretsOf(options: SinkOptions): readonly string[] {
  return Object.values(options).flatMap((value) =>
    typeof value === 'object' && value !== null && 'env' in value && typeof value.env === 'string' ? [value.env] : [],
  );
}
