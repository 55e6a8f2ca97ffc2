import { fail } from '../../base/errors/fail.ts';
import { preferredCoding } from '../../serving/oip/content-coding.ts';
import { type ConsoleFile, consoleAsset, consolePage } from '../console/console-files.ts';
import type { ReadRoute, RouteAnswer, RouteRequest } from '../route.ts';

/** The page loads from its own server alone, and holds neither inline script nor inline style. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/** The name of a file has the digest of its content. */
const ASSET_HEADERS = { 'cache-control': 'public, max-age=31536000, immutable' };

const common = { method: 'GET', tag: 'operations', access: 'reads', scopes: null, changes: null } as const;

/** The page of the console, for browsers. It holds no data: its calls need the scopes of their routes. */
const readConsole: ReadRoute = {
  ...common,
  path: '/',
  operationId: 'console',
  page: { takes: '`accept: text/html`', answers: 'the page of the [console](../guide/console.md)' },
  errors: ['SERVER_CONSOLE'],
  shapes: () => [{ summary: 'The page of the console.', answers: { 200: { 'text/html': 'text' } } }],
  run: (_, { headers }) => {
    if (!/\btext\/html\b/i.test(headers.accept ?? ''))
      throw fail('SERVER_CONSOLE', { reason: '/ is a page for browsers' });
    return fileAnswer(consolePage(), headers, PAGE_HEADERS);
  },
};

/** A script or style of the console. */
const readConsoleFile: ReadRoute = {
  ...common,
  path: '/console/{file}',
  operationId: 'consoleFile',
  page: { takes: '', answers: 'a script or style of the console' },
  errors: ['SERVER_CONSOLE'],
  shapes: () => [{ summary: 'A script or style of the console.', answers: { 200: { 'text/javascript': 'text' } } }],
  run: (_, { name, headers }) => fileAnswer(consoleAsset(name), headers, ASSET_HEADERS),
};

/** The routes that `--no-console` leaves out. */
export const consoleRoutes: readonly ReadRoute[] = [readConsole, readConsoleFile];

function fileAnswer(
  { type, plain, gzip }: ConsoleFile,
  { 'accept-encoding': accepted }: RouteRequest['headers'],
  headers: Readonly<Record<string, string>>,
): RouteAnswer {
  const zipped = preferredCoding(String(accepted ?? '')) === 'gzip';
  return {
    status: 200,
    type,
    body: zipped ? gzip : plain,
    headers: {
      ...headers,
      'x-content-type-options': 'nosniff',
      vary: 'accept, accept-encoding',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    },
  };
}
