import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import { checkName } from './check-name.ts';

/** The variable of the process that has a secret. */
export interface SecretName {
  readonly env: string;
}

interface SinkTimes {
  /** At most one message in this time; scores wait until then. */
  readonly every?: DurationText;
  /** How long the log keeps the scores of a sink that takes nothing (3d). */
  readonly hold?: DurationText;
}

/** Scores as POST requests with a JSON body, each sent until it is accepted. */
export interface WebhookSinkOptions extends SinkTimes {
  readonly kind: 'webhook';
  readonly url: string | SecretName;
  /** Signs each message with HMAC-SHA256. */
  readonly secret?: SecretName;
  /** A receiver that does not answer within this is away (10s). */
  readonly timeout?: DurationText;
}

/** Scores as files of JSON lines in a folder: each score is there once. */
export interface FilesSinkOptions extends SinkTimes {
  readonly kind: 'files';
  readonly directory: string;
}

/** Where the scores of a stream are sent. */
export type ScoreSinkOptions = WebhookSinkOptions | FilesSinkOptions;

/** A sink with all defaults filled. */
export type SinkSpec = { readonly everyMs: number; readonly holdMs: number } & (
  | {
      readonly kind: 'webhook';
      readonly url: string | SecretName;
      readonly secret: SecretName | null;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'files'; readonly directory: string }
);

const secret = z.strictObject({ env: z.string().min(1) });
const times = { every: z.string().optional(), hold: z.string().optional() };
const url = z.url({ protocol: /^https?$/ }).refine((text) => {
  const { username, password } = new URL(text);
  return username === '' && password === '';
}, 'an address has no credentials: write it as { env: NAME }');

/** A declaration in JavaScript may have anything. */
const schema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('webhook'),
    url: z.union([url, secret]),
    secret: secret.optional(),
    timeout: z.string().optional(),
    ...times,
  }),
  z.strictObject({ kind: z.literal('files'), directory: z.string().min(1), ...times }),
]);

/** Sinks of a stream as data. Errors: NAME_TEXT, WINDOW_TEXT, STREAM_SINK. */
export function sinkSpecs(
  stream: string,
  sinks: Readonly<Record<string, ScoreSinkOptions>>,
): Readonly<Record<string, SinkSpec>> {
  return Object.fromEntries(
    Object.entries(sinks).map(([name, written]) => [checkName('sink', name), specOf(stream, name, written)]),
  );
}

function specOf(stream: string, name: string, written: ScoreSinkOptions): SinkSpec {
  const { success, data, error } = schema.safeParse(written);
  if (!success) {
    const [{ path, message }] = error.issues;
    throw fail('STREAM_SINK', { stream, sink: name, reason: [path.join('.'), message].filter(Boolean).join(': ') });
  }
  const where = (option: string) => `${option} of sink ${name} of stream ${stream}`;
  const everyMs = data.every === undefined ? EVERY_MS[data.kind] : parseDuration(data.every, where('every'));
  const holdMs = parseDuration(data.hold ?? '3d', where('hold'));
  if (data.kind === 'files') return { kind: 'files', directory: data.directory, everyMs, holdMs };
  const timeoutMs = parseDuration(data.timeout ?? '10s', where('timeout'));
  return { kind: 'webhook', url: data.url, secret: data.secret ?? null, timeoutMs, everyMs, holdMs };
}

/** A file for each turn of a stream would be too many. */
const EVERY_MS = { webhook: 0, files: 60_000 } as const;
