import { fail } from '../../base/errors/fail.ts';
import { consoleAsset, consolePage } from '../console/console-files.ts';
import { fileAnswer, pageHeaders } from '../console/file-answer.ts';
import type { ReadRoute } from '../route.ts';

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
    return fileAnswer(consolePage(), headers, pageHeaders());
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
