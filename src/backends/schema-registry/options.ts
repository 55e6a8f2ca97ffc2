import { z } from 'zod';
import { duration, secret, tlsFiles } from '../../ports/options.ts';

/** A registry gets one kind of credentials, whole, and over TLS if it is on another machine. */
export const schemaRegistryOptions = z
  .strictObject({
    kind: z.literal('schemaRegistry'),
    url: z
      .string()
      .regex(
        /^https?:\/\/[^\s@?#]+$/,
        'write http://host:port or https://host:port; a password is format.password: { env: NAME }',
      ),
    /** The credentials of the client; absent: none. */
    username: z.string().min(1).optional(),
    password: secret.optional(),
    /** A bearer token, in place of a user. */
    token: secret.optional(),
    tls: tlsFiles.optional(),
    /** A request without an answer after this fails, and is repeated. */
    timeout: duration.default('10s'),
  })
  .superRefine((options, context) => {
    const fault = faultOf(options);
    if (fault !== null)
      context.addIssue({ code: 'custom', path: fault[0] === '' ? [] : [fault[0]], message: fault[1] });
  });

interface Credentials {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: object | undefined;
  readonly token?: object | undefined;
  readonly tls?: object | undefined;
}

/** The option at fault and its hint; null: none. */
function faultOf({ url, username, password, token, tls }: Credentials): readonly [string, string] | null {
  if (!URL.canParse(url)) return ['url', 'write http://host:port or https://host:port'];
  if ((username === undefined) !== (password === undefined)) return ['', 'write username and password, or neither'];
  if (username?.includes(':')) return ['username', 'a user of HTTP has no ":" in its name'];
  if (token !== undefined && username !== undefined) return ['token', 'write it, or username and password'];
  if (url.startsWith('https:')) return null;
  if (tls !== undefined) return ['tls', 'write https:// in url, or leave tls out'];
  if (token === undefined && username === undefined) return null;
  if (/^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(url)) return null;
  return ['url', 'credentials go to another machine over TLS only; write https://'];
}
