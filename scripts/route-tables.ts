import { readFileSync } from 'node:fs';
import { SCOPES, scopeTexts } from '../src/operating/scopes.ts';
import { grpcMethods, streamAccess } from '../src/server/grpc/grpc-methods.ts';
import { allMlflowRoutes } from '../src/server/mlflow/all-mlflow-routes.ts';
import type { Route } from '../src/server/route.ts';
import { changeKinds, isAudited, type RouteAccess } from '../src/server/route-access.ts';
import { allRoutes } from '../src/server/routes/all-routes.ts';
import { root } from './run-command.ts';

/** A page with a table between the marks `<!-- NAME -->` and `<!-- /NAME -->`, as the code writes it. */
export function withTable(path: string, name: string, table: string): string {
  return withTables(path, { [name]: table });
}

/** A page with several such tables. */
export function withTables(path: string, tables: Readonly<Record<string, string>>): string {
  const page = readFileSync(`${root}/${path}`, 'utf8');
  return Object.entries(tables).reduce((text, [name, table]) => replaced(text, { path, name, table }), page);
}

function replaced(
  page: string,
  { path, name, table }: { readonly path: string; readonly name: string; readonly table: string },
) {
  const [before, rest] = page.split(`<!-- ${name} -->\n`);
  const [, after] = rest?.split(`<!-- /${name} -->\n`) ?? [];
  if (before === undefined || after === undefined) throw new Error(`${path} has no marks "${name}"`);
  return `${before}<!-- ${name} -->\n${table}\n<!-- /${name} -->\n${after}`;
}

/** The routes of docs/reference/http.md: method, path and query, what each takes and answers. */
export function routeTable(routes: readonly Route[] = allRoutes): string {
  const rows = routes.map(
    ({ method, path, query, page }) => `| \`${method} ${path}${queryOf(query)}\` | ${page.takes} | ${page.answers} |`,
  );
  return ['| route | takes | answers |', '|---|---|---|', ...rows].join('\n');
}

/** The scopes of docs/reference/auth.md, with what each allows. */
export function scopeTable(): string {
  const rows = SCOPES.map((scope) => `| \`${scope}\` | ${scopeTexts[scope]} |`);
  return ['| scope | a key with it may |', '|---|---|', ...rows].join('\n');
}

/** A route by the name that a page gives it. */
interface NamedAccess extends RouteAccess {
  readonly name: string;
}

const named = (routes: readonly (RouteAccess & { readonly method: string; readonly path: string })[]) =>
  routes.map(({ method, path, scopes, changes, more = {} }) => ({ name: `${method} ${path}`, scopes, changes, more }));

const grpc = [
  ...Object.entries(grpcMethods).map(([name, access]) => ({ ...access, name })),
  { ...streamAccess, name: 'ModelStreamInfer' },
];

/** The routes of docs/reference/auth.md: what each needs, what a call may change, and whether the audit log has it. */
export function accessTables(rest: readonly Route[] = allRoutes): string {
  const parts = [
    ['Routes of the server', named(rest)],
    ['Routes of the registry, below `/api/2.0`', named(allMlflowRoutes)],
    ['Methods of gRPC', grpc],
  ] as const;
  return parts.map(([title, routes]) => `${title}:\n\n${accessTable(routes)}`).join('\n\n');
}

function accessTable(routes: readonly NamedAccess[]): string {
  const rows = new Map<string, string[]>();
  for (const route of routes) {
    const { changes } = route;
    const change = changes === null ? 'nothing' : changeKinds[changes].text;
    const row = `${neededBy(route)} | ${change} | ${isAudited(route) ? 'yes' : ''}`;
    rows.set(row, [...(rows.get(row) ?? []), `\`${route.name}\``]);
  }
  const lines = [...rows].map(([row, names]) => `| ${row} | ${names.join(', ')} |`);
  return ['| needs | may change | audit log | routes |', '|---|---|---|---|', ...lines].join('\n');
}

function neededBy({ scopes, more = {} }: RouteAccess): string {
  const all = scopes === null ? 'no key' : scopes.map((one) => `\`${one}\``).join(' and ');
  const further = Object.entries(more).map(([scope, when]) => `; \`${scope}\` ${when}`);
  return `${all}${further.join('')}`;
}

function queryOf(query: Route['query']): string {
  if (query === undefined) return '';
  return `?${Object.keys(query.shape)
    .map((name) => `${name}=`)
    .join('&')}`;
}
