import type { IncomingMessage } from 'node:http';

/**
 * Which pages of a browser may call a server; null: the request was checked where it came in. A browser sends a request of any page to
 * any address, this machine's too, and says whose page it was (Fetch Metadata, and RFC 6454).
 */
export type PageRule = {
  /** Names of hosts whose pages may call, in lower case: those that the server is given. */
  readonly names: readonly string[];
  /** Whether every caller has a key. A page can send a header `authorization: Bearer` to another site only if that site lets it. */
  readonly keyed: boolean;
} | null;

/** The fields of a request that name the page that sent it. Programs leave them out. */
export interface Sender {
  readonly method: string;
  readonly host: string;
  readonly origin: string | undefined;
  /** The field sec-fetch-site. */
  readonly site: string | undefined;
  /** The field sec-fetch-mode. */
  readonly mode: string | undefined;
  readonly authorization: string | undefined;
}

/** Names of the fields that only a browser sends. */
export const PAGE_FIELDS = ['origin', 'sec-fetch-site'] as const;

/** The sender of a request of HTTP/1.1. */
export function senderOf({ method = 'GET', headers }: IncomingMessage): Sender {
  const { host = '', origin, authorization } = headers;
  return {
    method,
    host,
    origin,
    site: one(headers['sec-fetch-site']),
    mode: one(headers['sec-fetch-mode']),
    authorization,
  };
}

/**
 * The page of another site that a request comes from; null: from a program, from a page of the server, or from one that may call. A link
 * that somebody follows is no call: a page never sees the answer.
 */
export function foreignPage(rule: PageRule, sender: Sender): string | null {
  const { method, origin, site, mode, authorization = '' } = sender;
  if (rule === null || (origin === undefined && site === undefined)) return null;
  if (rule.keyed && /^Bearer /i.test(authorization)) return null;
  const page = origin === undefined ? null : parsed(origin);
  if (page !== null && rule.names.includes(page.hostname)) return null;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    const isLink = origin === undefined && mode === 'navigate' && (method === 'GET' || method === 'HEAD');
    return isLink ? null : (origin ?? `a page that is ${site}`);
  }
  if (origin === undefined) return null;
  return page !== null && page.host === parsed(`${page.protocol}//${sender.host}`)?.host ? null : origin;
}

function one(field: string | readonly string[] | undefined): string | undefined {
  return typeof field === 'string' ? field : field?.join(', ');
}

/** Only addresses of the web: any other origin, such as `null`, is of no site. */
function parsed(text: string): URL | null {
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : null;
  return url === null || url.host === '' ? null : url;
}
