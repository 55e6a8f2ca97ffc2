import { z } from 'zod';
import { duration, secret } from '../../ports/options.ts';

/** At most this many messages in a span; more become one digest where the sink takes digests, and wait otherwise. */
const rate = z
  .strictObject({ messages: z.int().min(1).max(10_000), per: duration })
  .default({ messages: 60, per: '1h' });

const url = z.url({ protocol: /^https?$/ }).refine((text) => {
  const { username, password } = new URL(text);
  return username === '' && password === '';
}, 'an address has no credentials: write them as { env: NAME }');

/** A receiver that does not answer within this counts as away. */
const timeout = duration.default('10s');

const place = z.string().min(1);

export const webhookOptions = z.strictObject({
  kind: z.literal('webhook'),
  url: z.union([url, secret]),
  /** Signs each message with HMAC-SHA256; without it messages are not signed. */
  secret: secret.optional(),
  timeout,
  rate,
});

/** The address of an incoming webhook of Slack is a secret. */
export const slackOptions = z.strictObject({ kind: z.literal('slack'), url: secret, timeout, rate });

export const pagerDutyOptions = z.strictObject({
  kind: z.literal('pagerduty'),
  routingKey: secret,
  url: url.default('https://events.pagerduty.com/v2/enqueue'),
  timeout,
  rate,
});

export const alertmanagerOptions = z.strictObject({
  kind: z.literal('alertmanager'),
  /** Base address; `/api/v2/alerts` is added. */
  url,
  /** An open incident is sent again after this time. */
  repeat: duration.default('1m'),
  token: secret.optional(),
  timeout,
  rate: rate.prefault({ messages: 10_000, per: '1h' }),
});

export const smtpOptions = z.strictObject({
  kind: z.literal('smtp'),
  host: z.string().min(1),
  port: z.int().min(1).max(65_535).default(587),
  /** `starttls` refuses a server without it, `tls` begins encrypted, `none` is for this machine alone. */
  security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
  user: z.string().min(1).optional(),
  password: secret.optional(),
  from: place,
  to: z.array(place).min(1),
  timeout,
  rate,
});

/** Markdown for issues, one file for each incident. */
export const issueOptions = z.strictObject({
  kind: z.literal('issues'),
  directory: place,
  rate: rate.prefault({ messages: 10_000, per: '1h' }),
});

/** Where incidents are sent. Secrets are named by their variable. */
export const sinkOptions = z.discriminatedUnion('kind', [
  webhookOptions,
  slackOptions,
  pagerDutyOptions,
  alertmanagerOptions,
  smtpOptions,
  issueOptions,
]);

/** Options of a sink with all defaults filled. */
export type SinkOptions = z.output<typeof sinkOptions>;
