import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { AlertMessage, AlertSink, SinkAnswer } from '../../ports/alert-sink.ts';

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  readonly security: 'starttls' | 'tls' | 'none';
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly from: string;
  readonly to: readonly string[];
  /** A mail server answers each step within this, ms. */
  readonly timeoutMs: number;
}

/** Sends mails. `Message-ID` is made of the message's key, so that a repetition is recognised; mails of one incident are one thread. */
export function smtpSink(options: SmtpOptions): AlertSink {
  return {
    capabilities: { digests: true, repeatMs: null },
    send: async (message, signal) => {
      try {
        const { createTransport } = await loadClient();
        const transport = createTransport(transportOf(options));
        const stop = () => transport.close();
        signal.addEventListener('abort', stop);
        try {
          const { rejected } = await transport.sendMail(mailOf(message, options));
          return rejected.length === 0
            ? { kind: 'accepted' }
            : { kind: 'refused', reason: `${rejected.length} addresses were refused` };
        } finally {
          signal.removeEventListener('abort', stop);
          transport.close();
        }
      } catch (error) {
        return answerOf(error);
      }
    },
    close: () => undefined,
  };
}

function transportOf({ host, port, security, login, timeoutMs }: SmtpOptions) {
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(login === null ? {} : { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // A message is text: nothing of it may be read from a file or an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function mailOf({ key, title, lines, link, incidents, action }: AlertMessage, { from, to }: SmtpOptions) {
  const thread = `<${idText(incidents[0].id)}@headrace>`;
  return {
    from,
    to: [...to],
    subject: title,
    text: [...lines, ...(link === null ? [] : ['', link])].join('\n'),
    messageId: `<${idText(key)}@headrace>`,
    ...(action === 'digest' ? {} : { references: thread, inReplyTo: thread }),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Headrace-Action': action },
  };
}

/** Characters of a name in a Message-ID (RFC 5322, dot-atom). */
function idText(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9]+/g, '.').replaceAll(/^\.|\.$/g, '');
}

async function loadClient() {
  try {
    return await import('nodemailer');
  } catch (error) {
    throw fail('ALERT_CLIENT', {}, error);
  }
}

/** A code of 500 to 599 is final (RFC 5321, 4.2.1), but for the login: a password may be repaired. */
function answerOf(error: unknown): SinkAnswer {
  if (isHeadraceError(error)) return { kind: 'later', reason: error.message, afterMs: null };
  const name = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const code = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : null;
  const reason = `the mail server ${code === null ? `does not answer: ${name}` : `answered ${code}`}`;
  const isFinal = code !== null && code >= 500 && name !== 'EAUTH';
  return isFinal ? { kind: 'refused', reason } : { kind: 'later', reason, afterMs: null };
}
