import { fail } from '../../base/errors/fail.ts';
import { builtFolder } from '../../environment/own-version.ts';
import { fileAnswer, pageHeaders } from '../console/file-answer.ts';
import { staticFiles } from '../console/static-files.ts';
import type { ReadRoute, RouteAnswer, RouteRequest } from '../route.ts';

/** The built documentation. */
const files = staticFiles(builtFolder('docs'));

/** The colours of code are attributes of its words. */
const HEADERS = pageHeaders(["style-src-attr 'unsafe-inline'"]);

/** Folders above a file of an older version: its name, `assets`, `chunks`. */
const FOLDERS = ['first', 'second', 'third'];

const common = { method: 'GET', tag: 'operations', access: 'reads', scopes: null, changes: null } as const;

/** Addresses in the pages are relative to the folder, so its address ends with `/`, below any prefix. */
const toFolder: ReadRoute = {
  ...common,
  path: '/docs',
  operationId: 'docsFolder',
  page: { takes: '', answers: '302 to `/docs/`' },
  errors: [],
  shapes: () => [{ summary: 'Leads to the documentation.', answers: { 302: { 'text/plain': 'text' } } }],
  run: () => ({ status: 302, type: 'text/plain', body: '', headers: { location: 'docs/' } }),
};

const readFirst: ReadRoute = {
  ...common,
  path: '/docs/',
  operationId: 'docs',
  page: { takes: '', answers: 'the documentation, where it is built' },
  errors: ['SERVER_DOCS'],
  shapes: () => [{ summary: 'The documentation.', answers: { 200: { 'text/html': 'text' } } }],
  run: (_, { headers }) => answered('index.html', headers),
};

const readFiles = [0, 1, 2, 3].map((depth): ReadRoute => {
  const names = [...FOLDERS.slice(0, depth), 'file'];
  return {
    ...common,
    path: `/docs/${names.map((name) => `{${name}}`).join('/')}`,
    operationId: `docsFile${depth}`,
    page: { takes: '', answers: 'a page or file of the documentation' },
    errors: ['SERVER_DOCS'],
    shapes: () => [{ summary: 'A page or file of the documentation.', answers: { 200: { 'text/html': 'text' } } }],
    run: (_, { params, headers }) => answered(names.map((name) => params[name]).join('/'), headers),
  };
});

/** The routes of the documentation, which `--no-console` leaves out too. */
export const docsRoutes: readonly ReadRoute[] = [toFolder, readFirst, ...readFiles];

/** Error: SERVER_DOCS. */
function answered(name: string, headers: RouteRequest['headers']): RouteAnswer {
  const file = files.get(name);
  if (file !== undefined) return fileAnswer(file, headers, HEADERS);
  throw fail('SERVER_DOCS', { reason: files.isBuilt() ? `there is no file ${name.slice(0, 100)}` : 'it is not built' });
}
