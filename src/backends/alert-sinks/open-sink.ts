import { parseDuration } from '../../base/time.ts';
import type { AlertSink } from '../../ports/alert-sink.ts';
import { alertmanagerSink } from './alertmanager.ts';
import { issueFilesSink } from './issue-files.ts';
import type { SinkOptions } from './options.ts';
import { pagerDutySink } from './pagerduty.ts';
import { slackSink } from './slack.ts';
import { smtpSink } from './smtp.ts';
import { webhookSink } from './webhook.ts';

/** The value of a secret that an option names. Error: CONFIG_SECRET. */
type SecretOf = (named: { readonly env: string }, option: string) => string;

/** Opens the sink of some options; nothing is sent yet. Error: CONFIG_SECRET. */
export function openSink(options: SinkOptions, name: string, secretOf: SecretOf): AlertSink {
  const secretIn = (named: { readonly env: string }, option: string) =>
    secretOf(named, `alerts.sinks.${name}.${option}`);
  const timeoutMs = 'timeout' in options ? parseDuration(options.timeout, `alerts.sinks.${name}.timeout`) : 0;
  switch (options.kind) {
    case 'webhook': {
      const { url, secret } = options;
      return webhookSink({
        url: typeof url === 'string' ? url : secretIn(url, 'url'),
        secret: secret === undefined ? null : secretIn(secret, 'secret'),
        timeoutMs,
      });
    }
    case 'slack':
      return slackSink({ url: secretIn(options.url, 'url'), timeoutMs });
    case 'pagerduty':
      return pagerDutySink({ url: options.url, routingKey: secretIn(options.routingKey, 'routingKey'), timeoutMs });
    case 'alertmanager': {
      const { url, repeat, token } = options;
      const repeatMs = parseDuration(repeat, `alerts.sinks.${name}.repeat`);
      return alertmanagerSink({
        url,
        repeatMs,
        token: token === undefined ? null : secretIn(token, 'token'),
        timeoutMs,
      });
    }
    case 'smtp': {
      const { host, port, security, user, password, from, to } = options;
      const login =
        user === undefined ? null : { user, password: password === undefined ? '' : secretIn(password, 'password') };
      return smtpSink({ host, port, security, login, from, to, timeoutMs });
    }
    case 'issues':
      return issueFilesSink(options.directory);
    default:
      return options satisfies never;
  }
}

/** Variables that a sink's options name: their values must not appear in a message. */
export function secretsOf(options: SinkOptions): readonly string[] {
  return Object.values(options).flatMap((value) =>
    typeof value === 'object' && value !== null && 'env' in value && typeof value.env === 'string' ? [value.env] : [],
  );
}
